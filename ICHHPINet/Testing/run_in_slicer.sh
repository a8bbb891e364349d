#!/usr/bin/env bash
# Runs the tests that need the application on an installed Slicer, from this checkout, without a build:
#   ICHHPINet/Testing/run_in_slicer.sh /path/to/Slicer-5.12.3-linux-amd64
set -uo pipefail

slicer="${1:?usage: run_in_slicer.sh FOLDER_OF_SLICER}/Slicer"
modules="$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)"
failed=0

run_test() { # folder of the test, its name, further options of Slicer
    local folder="$1" name="$2"
    shift 2
    echo "== $name"
    local command=("$slicer" --no-splash --testing "$@" --additional-module-paths "$modules"
        --python-code "import slicer.testing; slicer.testing.runUnitTest(['$folder', '$modules'], '$name')")
    # Slicer on Linux needs an X server even without its main window.
    if [ "$(uname)" = Linux ] && [ -z "${DISPLAY:-}" ]; then
        command=(xvfb-run -a -s "-screen 0 1600x1200x24" "${command[@]}")
    fi
    timeout 900 "${command[@]}" || { echo "FAILED: $name"; failed=1; }
}

run_test "$modules" ICHHPINet --no-main-window
run_test "$modules" SegmentEditorICHHPINet
for script in "$modules"/Testing/Python/*Test.py; do
    [ -e "$script" ] && run_test "$(dirname "$script")" "$(basename "$script" .py)"
done
exit "$failed"
