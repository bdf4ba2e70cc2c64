"""The rooms behind CNN 101's notebooks: import them by name, `from helpers import data, plots`."""
