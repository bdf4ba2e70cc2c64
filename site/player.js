// The labs and the questions of a page.
//
// A lab is <section class="lab" id="twin-…" data-lab="labs/NAME.js">. In it stands a still picture, its twin, until NAME.js
// has come, which is asked for as the reader gets near. It is a script and not a JSON file, since a page that is opened
// from a folder (file://) can load nothing else:
//
//   cnnLab("twin-…", "base64 of gzip of JSON")
//
//   controls  [{name, label, play}]; play: the milliseconds of a step of its Play button, or null
//   values    lists of what the sliders can say
//   tree      a node is [number of a list of values, a child for each value], one level a control; a leaf is the number
//             of a state. So a slider may have other values, or fewer, depending on the sliders above it
//   start     the number of each slider's first value
//   states    [[number of a frame, the words of this state]]
//   frames    [[numbers of pieces]]: the html of a picture is these pieces, one after the other
//   pieces    html
//   note      what can be done in Jupyter only
//
// A large lab has `parts`, their number, instead of states, frames and pieces. Those for value k of the first slider are
// in NAME-part<k>.js, cnnLab("twin-…", "…", k), and a leaf is the number of a state of its part.
"use strict";

const PAUSE = 700; // milliseconds without a move, after which a screen reader is told the words
const labs = {}; // by the id of their section

class Lab {
  constructor(section, data) {
    this.section = section;
    this.data = data;
    this.parts = data.parts ? {} : null;
    this.indices = [...data.start]; // where each slider stands
    this.values = []; // what each slider can say
    this.sliders = data.controls.map((control, level) => this.slider(control, level));
    this.picture = element("div", { class: "lab-picture cnn-picture", role: "img" });
    this.status = element("p", { role: "status" });
    for (const still of section.children) still.hidden = true;
    const rows = this.sliders.map((slider) => slider.parentElement);
    section.append(element("div", { class: "lab-controls" }, ...rows), this.picture, this.status);
    if (data.note) section.append(element("p", { class: "lab-note" }, data.note));
    addEventListener("resize", () => this.reach());
    this.paint();
  }

  slider({ label, play }, level) {
    const id = `${this.section.id}-${level}`;
    const slider = element("input", { type: "range", id, min: 0, step: 1 });
    slider.addEventListener("input", () => {
      this.stop();
      this.move(level, Number(slider.value));
    });
    const readout = element("output", { for: id, "aria-live": "off" }); // the slider tells its value itself
    const row = element("div", { class: "lab-control" }, element("label", { for: id }, label), slider, readout);
    if (play) row.append(this.playButton(label, level, play));
    return slider;
  }

  playButton(label, level, interval) {
    const name = { "aria-label": `Play ${label}`, "aria-pressed": false };
    const button = element("button", { type: "button", class: "lab-play", ...name }, "Play");
    const atEnd = () => this.indices[level] === this.values[level].length - 1;
    const step = (index) => {
      this.move(level, index);
      if (atEnd()) this.stop();
    };
    button.addEventListener("click", () => {
      if (this.playing) return this.stop();
      this.playing = { button, timer: setInterval(() => step(this.indices[level] + 1), interval) };
      button.setAttribute("aria-pressed", true);
      step(atEnd() ? 0 : this.indices[level] + 1);
    });
    return button;
  }

  stop() {
    if (!this.playing) return;
    clearInterval(this.playing.timer);
    this.playing.button.setAttribute("aria-pressed", false);
    this.playing = null;
  }

  move(level, index) {
    this.indices[level] = index;
    this.paint();
  }

  paint() {
    const state = this.state();
    const part = this.parts ? this.part(this.indices[0]) : this.data;
    if (!part) return; // it is painted when it has come
    const [frame, words] = part.states[state];
    renew(this.picture, parsed(part.frames[frame].map((piece) => part.pieces[piece]).join("")));
    this.picture.setAttribute("aria-label", words);
    this.tell(words);
  }

  // Set the sliders, from the first one down the tree; returns the number of the state.
  state() {
    let node = this.data.tree;
    this.sliders.forEach((slider, level) => {
      const [list, children] = node;
      const values = this.data.values[list];
      const before = this.values[level] ?? values;
      let index = this.indices[level];
      if (before !== values) index = nearest(values, before[index], index);
      this.values[level] = values;
      this.indices[level] = index;
      slider.max = values.length - 1; // before the value, which does not go beyond it
      slider.value = index;
      slider.setAttribute("aria-valuetext", values[index]);
      slider.parentElement.querySelector("output").textContent = values[index];
      node = children[index];
    });
    return node;
  }

  // The part for a value of the first slider, undefined as long as it is on its way; its neighbours are fetched, too.
  part(wanted) {
    for (const number of [wanted, wanted + 1, wanted - 1]) {
      if (number in this.parts || number < 0 || number >= this.data.parts) continue;
      this.parts[number] = undefined;
      load(this.section.dataset.lab.replace(/\.js$/, `-part${number}.js`), () => this.missing(number));
    }
    return this.parts[wanted];
  }

  arrived(number, part) {
    this.parts[number] = part;
    if (number === this.indices[0]) this.paint();
  }

  missing(number) {
    delete this.parts[number]; // the next move asks for it again
    if (number === this.indices[0]) this.tell("This picture could not be loaded.");
  }

  // The words stand there at once; a screen reader is told once the slider rests.
  tell(words) {
    this.status.setAttribute("aria-busy", true);
    this.status.textContent = words;
    clearTimeout(this.resting);
    this.resting = setTimeout(() => {
      this.status.removeAttribute("aria-busy");
      this.reach();
    }, PAUSE);
  }

  // What is so wide that it scrolls can be reached by keyboard.
  reach() {
    this.picture.tabIndex = this.picture.scrollWidth > this.picture.clientWidth ? 0 : -1;
  }
}

// Where a slider at `index` goes when its values change: to the one that it said, else to the nearest.
function nearest(values, said, index) {
  if (values.includes(said)) return values.indexOf(said);
  const number = (words) => Number(words.replace("\u2212", "-")); // a minus sign is no hyphen
  const distances = values.map((value) => Math.abs(number(value) - number(said)));
  if (distances.some(Number.isNaN)) return Math.min(index, values.length - 1); // names are not near each other
  return distances.indexOf(Math.min(...distances));
}

// Make `old` hold what `fresh` holds, and touch only what differs: an image that stays on the page does not flash.
function renew(old, fresh) {
  const before = [...old.childNodes];
  const after = [...fresh.childNodes];
  after.forEach((node, i) => {
    const here = before[i];
    if (!here) old.append(node);
    else if (here.nodeName !== node.nodeName) here.replaceWith(node);
    else if (node instanceof Element) {
      for (const { name } of [...here.attributes]) if (!node.hasAttribute(name)) here.removeAttribute(name);
      for (const { name, value } of node.attributes) {
        if (here.getAttribute(name) !== value) here.setAttribute(name, value);
      }
      renew(here, node);
    } else if (here.data !== node.data) here.data = node.data;
  });
  before.slice(after.length).forEach((node) => node.remove());
}

function element(name, attributes, ...children) {
  const made = document.createElement(name);
  for (const [attribute, value] of Object.entries(attributes)) made.setAttribute(attribute, value);
  made.append(...children);
  return made;
}

function parsed(html) {
  const template = document.createElement("template");
  template.innerHTML = html;
  return template.content;
}

function load(file, failed) {
  const script = element("script", { src: file });
  script.addEventListener("error", failed);
  document.head.append(script);
}

// What the file of a lab calls.
async function cnnLab(id, base64, part) {
  const section = document.getElementById(id);
  try {
    const bytes = Uint8Array.from(atob(base64), (character) => character.charCodeAt(0));
    const unpacked = new Blob([bytes]).stream().pipeThrough(new DecompressionStream("gzip"));
    const data = await new Response(unpacked).json();
    if (part === undefined) labs[id] = new Lab(section, data);
    else labs[id].arrived(part, data);
  } catch (error) {
    if (part === undefined) leave(section);
    else labs[id].missing(part);
    throw error; // for whoever looks into the console
  }
}

// The twin stays, and a sentence says why.
function leave(section) {
  for (const child of section.children) child.hidden = false;
  const words = "The sliders could not be loaded. You see some of the pictures that they show.";
  section.append(element("p", { class: "lab-note", role: "status" }, words));
}

const near = new IntersectionObserver(
  (entries) => {
    for (const { target, isIntersecting } of entries) {
      if (!isIntersecting) continue;
      near.unobserve(target);
      if ("DecompressionStream" in window) load(target.dataset.lab, () => leave(target));
      else leave(target); // a browser from before 2023
    }
  },
  { rootMargin: "100% 0px" }, // a screen before it is seen
);
document.querySelectorAll(".lab[data-lab]").forEach((section) => near.observe(section));

for (const button of document.querySelectorAll("button[data-why]")) {
  button.addEventListener("click", () => {
    const right = "right" in button.dataset;
    if (!button.dataset.picked) button.prepend(right ? "\u2713 " : "\u2717 ");
    button.dataset.picked = right ? "right" : "wrong"; // for its colour
    const answer = button.closest("fieldset").querySelector("[role=status]");
    const why = button.dataset.why.split("`").map((words, i) => (i % 2 ? element("code", {}, words) : words));
    answer.replaceChildren(right ? "Right. " : "Not so. ", ...why);
  });
}
