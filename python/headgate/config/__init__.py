"""What an operator writes: from YAML files to checked, frozen models.

The way of a policy, a module each: `files` reads and merges (`yaml12` turns text into values and remembers where each
stood), `overrides` puts the environment's words in, `references` resolves `${env:}` and `${file:}`, `later` refuses
what is reserved, `shape` makes the models of `sections`, `checks` looks at what must fit together. `load` runs them.

A policy is taken or refused as a whole, and a refusal names every error with file, line, column, path and value.
Secrets are never resolved here: they stay references, and no message shows a value that could be one.
"""

from headgate.config.load import Loaded, load, load_text
from headgate.config.problems import Place, Places, Problem
from headgate.config.sections import Policy

__all__ = ["Loaded", "Place", "Places", "Policy", "Problem", "load", "load_text"]
