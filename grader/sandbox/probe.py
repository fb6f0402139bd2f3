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
    return {
        "can_read_secrets": any(works(lambda path=path: open(path, "rb").read(1)) for path in secrets),
        "can_list_secrets": any(works(lambda path=path: os.listdir(os.path.dirname(path))) for path in secrets),
        "can_write_files": any(works(lambda where=where: create(where)) for where in (folder, "/tmp", "/dev/shm", ".")),
        "can_open_sockets": works(socket.socket) or works(lambda: socket.socketpair()),
        "can_start_processes": works(fork) or works(spawn),
        "can_signal_others": works(lambda: signal(parent)) or works(lambda: signal(os.getppid())),
        "can_read_process_memory": works(lambda: open(f"/proc/{os.getppid()}/environ", "rb").read(1))
        or works(lambda: open("/proc/1/environ", "rb").read(1)),
        "can_trace": c("ptrace", 0, 0, 0, 0),
        "can_become_root": works(already_root) or works(lambda: os.setuid(0)),
        "can_make_namespaces": c("unshare", 0x10000000),
        "can_see_environment": any(name not in PLAIN_ENVIRONMENT for name in os.environ),
        "can_inherit_files": any(works(lambda fd=fd: os.fstat(fd)) for fd in range(4, 256)),
        "needs_lazy_imports": works(import_lazily),
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


def c(function, *arguments):
    """Whether a function of the C library succeeds; on some systems there is none of that name, or no such library."""
    try:
        return getattr(ctypes.CDLL(None, use_errno=True), function)(*arguments) == 0
    except (AttributeError, OSError, TypeError):
        return False


def already_root():
    if os.getuid() != 0:
        raise OSError("an ordinary user")


def signal(pid):
    if sys.platform == "win32":
        raise OSError("0 is no question there, but Ctrl-C for everybody on the console")
    os.kill(pid, 0)


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


def spawn():
    os.waitpid(os.posix_spawn("/bin/true", ["true"], {}), 0)  # its end, told later, would stop a process that is traced


def import_lazily():
    import colorsys

    import numpy.fft

    if colorsys.rgb_to_hsv(1, 1, 1) != (0, 0, 1) or "\xe9".encode("cp437") != b"\x82" or numpy.fft.fft([1])[0] != 1:
        raise OSError("a stand-in")


def thread():
    worker = threading.Thread(target=int)
    worker.start()
    worker.join(5)
    if worker.is_alive():
        raise OSError("the thread did not end")
