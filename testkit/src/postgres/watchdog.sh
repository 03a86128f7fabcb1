# Ends a throw-away PostgreSQL once the process that started it has gone, even if that process was killed. This script
# blocks on a pipe. Only the starting process holds the other end, and the kernel closes it.
#
# $1: the folder in which the server's folder is created. The script prints the path of the new folder, and nothing else.
# Each input line is the id of the server's current first process.
trap '' HUP INT TERM
folder=$(mktemp -d "$1/gp-XXXXXX") || exit 1
printf '%s\n' "$folder"
exec >/dev/null

pid=
while read -r line; do pid=$line; done

# Succeeds if the process is still the server's: each process of the server has the folder among its arguments. A process
# that has ended has no arguments, even before its parent has waited for it.
ours() { [ -n "$pid" ] && tr '\0' ' ' <"/proc/$pid/cmdline" | grep -qF "$folder/"; }

children() {
    for stat in /proc/[0-9]*/stat; do
        read -r line <"$stat" || continue
        # The fields after the name: state, parent, and more. The name may contain any characters.
        set -- ${line##*) }
        [ "$2" = "$pid" ] || continue
        stat=${stat%/stat}
        printf '%s\n' "${stat#/proc/}"
    done
}

if ours; then
    kill -CONT $(children) "$pid"
    kill -QUIT "$pid"
    checks=0
    while ours && [ "$checks" -lt 100 ]; do
        sleep 0.05
        checks=$((checks + 1))
    done
fi
if ours; then
    # The parent is stopped first, so that it forks no more children.
    kill -STOP "$pid"
    kill -KILL $(children) "$pid"
fi

# A killed server leaves a segment of shared memory. Line 7 of the file holds its key and its id.
set -- $(sed -n 7p "$folder/data/postmaster.pid")
if [ $# = 2 ] && grep -Eq "^ *$1 +$2 " /proc/sysvipc/shm; then
    ipcrm -m "$2"
fi

# A process that is just ending may still write to the folder.
tries=0
until rm -rf "$folder" || [ "$tries" = 100 ]; do
    sleep 0.1
    tries=$((tries + 1))
done
