"""The untrusted side: the fork server, what it locks, and the worker that answers questions.

Started from its own folder, without the rest of the package on the path; imports only the standard library and NumPy.
"""
