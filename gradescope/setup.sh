#!/bin/sh
# Gradescope runs this once, as root, when it builds the image; it may be run again. Anything that is off ends it with an error,
# so that no image is built with which a class would then be graded.
#
#   Python      3.11 or newer; where there is none, python3.11 from the image's own archive, beside the system's python3
#   packages    in an environment of their own, outside private folders ($GRADER_VENV; /opt/grader), compiled
#   the jail    an empty folder in there, used where the kernel that grades has no Landlock
#   smoke run   a submission whose score is known is graded through the real entry
set -eu
umask 022
here=$(CDPATH= cd -- "$(dirname -- "$0")" && pwd)
[ -f "$here/bootstrap" ] || here=$(dirname -- "$here") # in the repository this script lies in gradescope/

fail() {
    echo "setup: $1" >&2
    exit 1
}

chmod +x "$here/bootstrap" "$here/run_autograder" # some unpackers drop modes

if ! "$here/bootstrap" python > /dev/null 2>&1; then
    [ "$(id -u)" = 0 ] || fail "there is no Python 3.11 or newer with venv, and only root can install one"
    command -v apt-get > /dev/null || fail "there is no Python 3.11 or newer with venv, and no apt-get to install one"
    export DEBIAN_FRONTEND=noninteractive
    echo "setup: installing python3.11"
    apt-get -qq update || fail "the image's package lists could not be read; is there a network connection?"
    apt-get -qq install -y --no-install-recommends python3.11 python3.11-venv ||
        fail "python3.11 could not be installed from the image's archive; choose the Ubuntu 22.04 image"
fi

if [ -z "${GRADER_VENV:-}" ] && [ -f "$here/.venv-home" ]; then
    GRADER_VENV=$(cat "$here/.venv-home") # this is not the first run
elif [ "$(id -u)" = 0 ]; then
    GRADER_VENV=${GRADER_VENV:-/opt/grader}
fi
if [ -n "${GRADER_VENV:-}" ]; then
    export GRADER_VENV
    printf '%s\n' "$GRADER_VENV" > "$here/.venv-home" # run_autograder finds it there
fi
python=$("$here/bootstrap" run) || fail "the environment could not be made"

# Bytecode that is held against the source's content, not its date: layers of an image do not always keep dates.
"$python" -m compileall -q --invalidation-mode checked-hash "$here/grader" || fail "the grader could not be compiled"

unset GRADER_VENV # the smoke run has to find it as run_autograder will
PYTHONPATH=$here
PYTHONSAFEPATH=1
export PYTHONPATH PYTHONSAFEPATH
"$python" -m grader.packaging.smoke || fail "the smoke run failed; the image must not be used"
[ "$(id -u)" != 0 ] || chmod 700 "$here" # expected values and hidden checks are not for the user student code runs as
echo "setup: done"
