"""What student code would try, tried on purpose: mounted and called in the sandbox exactly as student code is.

`attempts` returns {name: whether it worked}. Names that begin with "can_" must all be False at a strict level; the others must
be True, because honest code needs them.
"""

import ctypes
import os
import socket
import sys
import threading


def attempts(secrets, folder, parent):
    """Try everything; `secrets` are paths to read, `folder` a directory to write into, `parent` a process id to reach."""
    libc = ctypes.CDLL(None, use_errno=True)
    return {
        "can_read_secrets": any(works(lambda path=path: open(path, "rb").read(1)) for path in secrets),
        "can_list_secrets": any(works(lambda path=path: os.listdir(os.path.dirname(path))) for path in secrets),
        "can_write_files": any(works(lambda where=where: create(where)) for where in (folder, "/tmp", "/dev/shm", ".")),
        "can_open_sockets": works(socket.socket) or works(lambda: socket.socketpair()),
        "can_start_processes": works(fork) or works(lambda: os.posix_spawn("/bin/true", ["true"], {})),
        "can_signal_others": works(lambda: os.kill(parent, 0)) or works(lambda: os.kill(os.getppid(), 0)),
        "can_read_process_memory": works(lambda: open(f"/proc/{os.getppid()}/environ", "rb").read(1))
        or works(lambda: open("/proc/1/environ", "rb").read(1)),
        "can_trace": libc.ptrace(0, 0, 0, 0) == 0,
        "can_become_root": os.getuid() == 0 or works(lambda: os.setuid(0)),
        "can_make_namespaces": libc.unshare(0x10000000) == 0,
        "can_see_environment": any(name not in PLAIN_ENVIRONMENT for name in os.environ),
        "can_inherit_files": any(works(lambda fd=fd: os.fstat(fd)) for fd in range(4, 256)),
        "needs_lazy_imports": works(lambda: __import__("colorsys")) and works(lambda: __import__("numpy.fft")),
        "needs_threads": works(thread),
        "needs_null_device": works(lambda: open("/dev/null").close()),
    }


PLAIN_ENVIRONMENT = {
    "LANG", "LC_CTYPE", "PYTHONHASHSEED", "OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS", "MKL_NUM_THREADS", "SYSTEMROOT",
}  # fmt: skip


def works(action):
    try:
        action()
    except BaseException:
        return False
    return True


def create(where):
    path = os.path.join(where, f".sandbox-probe-{os.getpid()}")
    handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL)
    os.close(handle)
    os.unlink(path)


def fork():
    if sys.platform == "win32":
        raise OSError("no fork here")
    pid = os.fork()
    if pid == 0:
        os._exit(0)
    os.waitpid(pid, 0)


def thread():
    worker = threading.Thread(target=int)
    worker.start()
    worker.join(5)
    if worker.is_alive():
        raise OSError("the thread did not end")
