"""What `make lab` adds to your own settings of Jupyter: sliders that answer sooner.

Beside this file, `labconfig/` has JupyterLab send a slider's messages to the thread that runs the cells, which paints,
and not first to another one, which would have to hand them on.
"""

import os

from jupyter_server.services.kernels.connection.channels import ZMQChannelsWebsocketConnection


class Prompt(ZMQChannelsWebsocketConnection):
    """Sends each message to the page at once.

    An answer to a slider is several small messages. By default the second waits until the browser has confirmed the first,
    and a browser that has nothing to send back takes 40 ms for that (Nagle's algorithm meets delayed acknowledgements:
    RFC 896 and RFC 1122, 4.2.3.2).
    """

    def connect(self):
        self.websocket_handler.set_nodelay(True)
        return super().connect()


# Kernels that start here do not send each move of a slider back to the page that it came from. Another window of the
# browser on the same notebook would need that; without it, the picture's message waits for no other.
os.environ.setdefault("JUPYTER_WIDGETS_ECHO", "0")

c.ServerApp.kernel_websocket_connection_class = Prompt  # noqa: F821  (Jupyter gives `c` to this file)
