"""The homework, one module a file or folder that is handed in. Each check is one function; its docstring is its title."""
