/* A disk with faults on command. LD_PRELOAD loads this library between a program and the file functions of its libc.
 *
 * The faults apply to files whose path contains GATEPOST_DISK_PATH. Without this variable they apply to no file.
 * "Writes" are write, pwrite, writev and pwritev on regular files. "Syncs" are fsync and fdatasync, also of folders.
 *
 * GATEPOST_DISK_SYNC_US=N      each sync takes N microseconds longer
 * GATEPOST_DISK_KILL_AT=N      the process is killed just before its N-th write; the first is 1
 * GATEPOST_DISK_COUNT=FILE     FILE holds the count of writes, in decimal, after each of them
 * GATEPOST_DISK_NAMES=1        rename, link and unlink also count as writes, if a path that the program passes matches
 * GATEPOST_DISK_FAIL=FILE      while FILE exists, writes, syncs and changes of a length fail with EIO
 * GATEPOST_DISK_READONLY=FILE  while FILE exists, they fail with EROFS
 * GATEPOST_DISK_FULL=FILE      while FILE exists, writes and extensions of a file fail with ENOSPC
 * GATEPOST_DISK_SYNCED=FOLDER  FOLDER holds what has been synced of each file, under the name without its folders. A
 *                              loss of power leaves these bytes and any sectors of the later ones. The sync of a file
 *                              also keeps its name. A removal lasts with the next sync, as on a journaling file system.
 *                              Renames and links are never kept
 *
 * A write that fails in this way is not counted. With KILL_AT or COUNT, writes wait for each other, so that exactly the
 * counted writes have been done. Each process counts separately. Writes inside of libc (stdio) are not intercepted. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <time.h>
#include <unistd.h>

#define EXPORT __attribute__((visibility("default")))

static const char *path_part, *fail_file, *readonly_file, *full_file, *count_file, *synced_folder;
static unsigned long long kill_at, sync_us, writes;
static int count_fd = -1, names;
static pthread_mutex_t one_at_a_time = PTHREAD_MUTEX_INITIALIZER;
static pthread_once_t once = PTHREAD_ONCE_INIT;

static ssize_t (*real_write)(int, const void *, size_t);
static ssize_t (*real_pwrite)(int, const void *, size_t, off64_t);
static ssize_t (*real_writev)(int, const struct iovec *, int);
static ssize_t (*real_pwritev)(int, const struct iovec *, int, off64_t);
static int (*real_fsync)(int);
static int (*real_fdatasync)(int);
static int (*real_ftruncate)(int, off64_t);
static int (*real_rename)(const char *, const char *);
static int (*real_linkat)(int, const char *, int, const char *, int);
static int (*real_unlink)(const char *);

static void *next(const char *name) {
    void *found = dlsym(RTLD_NEXT, name);
    if (!found) abort();
    return found;
}

/* Returns the value of a variable, or NULL if the value is empty. */
static const char *text(const char *name) {
    const char *value = getenv(name);
    return value && *value ? strdup(value) : NULL;
}

/* Returns a variable as a number. Aborts for other text: otherwise the test would run without its fault. */
static unsigned long long number(const char *name) {
    const char *value = text(name);
    if (!value) return 0;
    char *end;
    unsigned long long parsed = strtoull(value, &end, 10);
    if (*end) abort();
    return parsed;
}

static void read_settings(void) {
    real_write = next("write");
    real_pwrite = next("pwrite64");
    real_writev = next("writev");
    real_pwritev = next("pwritev64");
    real_fsync = next("fsync");
    real_fdatasync = next("fdatasync");
    real_ftruncate = next("ftruncate64");
    real_rename = next("rename");
    real_linkat = next("linkat");
    real_unlink = next("unlink");
    path_part = text("GATEPOST_DISK_PATH");
    fail_file = text("GATEPOST_DISK_FAIL");
    readonly_file = text("GATEPOST_DISK_READONLY");
    full_file = text("GATEPOST_DISK_FULL");
    count_file = text("GATEPOST_DISK_COUNT");
    synced_folder = text("GATEPOST_DISK_SYNCED");
    names = text("GATEPOST_DISK_NAMES") != NULL;
    kill_at = number("GATEPOST_DISK_KILL_AT");
    sync_us = number("GATEPOST_DISK_SYNC_US");
}

__attribute__((constructor)) static void set_up(void) { pthread_once(&once, read_settings); }

/* Returns 1 if the faults apply to the file. */
static int watched(int fd, int folders_too) {
    pthread_once(&once, read_settings);
    if (!path_part) return 0;
    int before = errno;
    char name[64], path[PATH_MAX + 1];
    struct stat64 file;
    snprintf(name, sizeof name, "/proc/self/fd/%d", fd);
    ssize_t length = fstat64(fd, &file) == 0 && (S_ISREG(file.st_mode) || (folders_too && S_ISDIR(file.st_mode)))
                         ? readlink(name, path, PATH_MAX)
                         : -1;
    errno = before;
    if (length < 0) return 0;
    path[length] = 0;
    return strstr(path, path_part) != NULL;
}

/* Returns the error with which the current call must fail, or 0. */
static int failure(int needs_room) {
    int before = errno, error = 0;
    if (fail_file && access(fail_file, F_OK) == 0) error = EIO;
    else if (readonly_file && access(readonly_file, F_OK) == 0) error = EROFS;
    else if (needs_room && full_file && access(full_file, F_OK) == 0) error = ENOSPC;
    errno = before;
    return error;
}

/* Counts a write that is about to be done. The number has a fixed width, so that it overwrites the previous number. */
static void count(void) {
    writes++;
    if (kill_at && writes == kill_at) {
        kill(getpid(), SIGKILL);
        for (;;) pause();
    }
    if (!count_file) return;
    if (count_fd < 0) count_fd = open64(count_file, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
    char line[32];
    int length = snprintf(line, sizeof line, "%020llu\n", writes);
    if (count_fd < 0 || real_pwrite(count_fd, line, length, 0) != length) abort();
}

#define MAX_FILES 32
#define MAX_RANGES 4096

/* A file with writes since its last sync. A file that is not known yet is copied as a whole. */
static struct dirty_file {
    dev_t device;
    ino64_t inode;
    int is_whole, count;
    struct {
        off64_t at;
        size_t length;
    } ranges[MAX_RANGES];
} dirty_files[MAX_FILES];
static int dirty_count;

static struct dirty_file *dirty_file(int fd) {
    struct stat64 file;
    if (fstat64(fd, &file) != 0) abort();
    for (int number = 0; number < dirty_count; number++)
        if (dirty_files[number].device == file.st_dev && dirty_files[number].inode == file.st_ino)
            return &dirty_files[number];
    if (dirty_count == MAX_FILES) abort();
    struct dirty_file *new = &dirty_files[dirty_count++];
    *new = (struct dirty_file){.device = file.st_dev, .inode = file.st_ino, .is_whole = 1};
    return new;
}

/* Remembers a write; a negative position stands for any. */
static void note_write(int fd, off64_t at, ssize_t length) {
    if (!synced_folder || length < 0) return;
    struct dirty_file *file = dirty_file(fd);
    if (at < 0 || file->count == MAX_RANGES) {
        file->is_whole = 1;
        return;
    }
    file->ranges[file->count].at = at;
    file->ranges[file->count++].length = (size_t)length;
}

/* Copies bytes of the file to its synced copy. */
static void copy_range(int from, int to, off64_t at, size_t length) {
    static char buffer[1 << 16];
    while (length > 0) {
        ssize_t count = pread64(from, buffer, length < sizeof buffer ? length : sizeof buffer, at);
        if (count < 0 || (count > 0 && real_pwrite(to, buffer, (size_t)count, at) != count)) abort();
        if (count == 0) return;
        at += count;
        length -= (size_t)count;
    }
}

#define MAX_REMOVED 16

/* Names of removed files, until the next sync. */
static char removed[MAX_REMOVED][NAME_MAX + 1];
static int removed_count;

static const char *base_name(const char *path) {
    const char *slash = strrchr(path, '/');
    return slash ? slash + 1 : path;
}

static void note_removal(const char *path) {
    if (removed_count == MAX_REMOVED) abort();
    snprintf(removed[removed_count++], NAME_MAX + 1, "%s", base_name(path));
}

static void keep_removals(void) {
    char copy[2 * PATH_MAX];
    while (removed_count > 0) {
        snprintf(copy, sizeof copy, "%s/%s", synced_folder, removed[--removed_count]);
        real_unlink(copy);
    }
}

/* Updates the synced copy of a file. */
static void keep(int fd) {
    int before = errno;
    char name[64], path[PATH_MAX + 1], copy[2 * PATH_MAX];
    struct stat64 file;
    snprintf(name, sizeof name, "/proc/self/fd/%d", fd);
    ssize_t length = readlink(name, path, PATH_MAX);
    if (length < 0 || fstat64(fd, &file) != 0) abort();
    path[length] = 0;
    /* A second descriptor of a database would drop SQLite's locks when it is closed, so it is never closed. */
    int from = fd;
    char one;
    if (pread64(fd, &one, 1, 0) < 0 && (from = open64(name, O_RDONLY | O_CLOEXEC)) < 0) abort();
    snprintf(copy, sizeof copy, "%s/%s", synced_folder, base_name(path));
    int to = open64(copy, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    if (to < 0) abort();
    struct dirty_file *dirty = dirty_file(fd);
    if (dirty->is_whole) copy_range(from, to, 0, (size_t)file.st_size);
    for (int number = 0; number < dirty->count; number++)
        copy_range(from, to, dirty->ranges[number].at, dirty->ranges[number].length);
    if (real_ftruncate(to, file.st_size) != 0) abort();
    close(to);
    dirty->is_whole = dirty->count = 0;
    errno = before;
}

#define WRITE(call, at)                                              \
    do {                                                             \
        if (!watched(fd, 0)) return call;                            \
        int error = failure(1);                                      \
        if (error) {                                                 \
            errno = error;                                           \
            return -1;                                               \
        }                                                            \
        if (!kill_at && !count_file && !synced_folder) return call;  \
        pthread_mutex_lock(&one_at_a_time);                          \
        count();                                                     \
        ssize_t done = call;                                         \
        int after = errno;                                           \
        note_write(fd, at, done);                                    \
        pthread_mutex_unlock(&one_at_a_time);                        \
        errno = after;                                               \
        return done;                                                 \
    } while (0)

EXPORT ssize_t write(int fd, const void *bytes, size_t length) { WRITE(real_write(fd, bytes, length), -1); }

EXPORT ssize_t pwrite64(int fd, const void *bytes, size_t length, off64_t at) {
    WRITE(real_pwrite(fd, bytes, length, at), at);
}

EXPORT ssize_t pwrite(int fd, const void *bytes, size_t length, off_t at) { return pwrite64(fd, bytes, length, at); }

EXPORT ssize_t writev(int fd, const struct iovec *parts, int number_of) {
    WRITE(real_writev(fd, parts, number_of), -1);
}

EXPORT ssize_t pwritev64(int fd, const struct iovec *parts, int number_of, off64_t at) {
    WRITE(real_pwritev(fd, parts, number_of, at), at);
}

EXPORT ssize_t pwritev(int fd, const struct iovec *parts, int number_of, off_t at) {
    return pwritev64(fd, parts, number_of, at);
}

EXPORT int ftruncate64(int fd, off64_t length) {
    struct stat64 file;
    int error = watched(fd, 0) ? failure(fstat64(fd, &file) == 0 && length > file.st_size) : 0;
    if (error) {
        errno = error;
        return -1;
    }
    if (!synced_folder || !watched(fd, 0)) return real_ftruncate(fd, length);
    pthread_mutex_lock(&one_at_a_time);
    int done = real_ftruncate(fd, length), after = errno;
    note_write(fd, -1, 0);
    pthread_mutex_unlock(&one_at_a_time);
    errno = after;
    return done;
}

EXPORT int ftruncate(int fd, off_t length) { return ftruncate64(fd, length); }

#define NAME(is_named, call)                                              \
    do {                                                                  \
        pthread_once(&once, read_settings);                               \
        if (!names || !path_part || !(kill_at || count_file)) return call; \
        if (!(is_named)) return call;                                     \
        pthread_mutex_lock(&one_at_a_time);                               \
        count();                                                          \
        int done = call, after = errno;                                   \
        pthread_mutex_unlock(&one_at_a_time);                             \
        errno = after;                                                    \
        return done;                                                      \
    } while (0)

EXPORT int rename(const char *from, const char *to) {
    NAME(strstr(from, path_part) || strstr(to, path_part), real_rename(from, to));
}

EXPORT int linkat(int from_fd, const char *from, int to_fd, const char *to, int flags) {
    NAME(strstr(from, path_part) || strstr(to, path_part), real_linkat(from_fd, from, to_fd, to, flags));
}

EXPORT int unlink(const char *path) {
    pthread_once(&once, read_settings);
    if (synced_folder && path_part && strstr(path, path_part)) {
        pthread_mutex_lock(&one_at_a_time);
        int done = real_unlink(path), after = errno;
        if (done == 0) note_removal(path);
        pthread_mutex_unlock(&one_at_a_time);
        errno = after;
        return done;
    }
    NAME(strstr(path, path_part), real_unlink(path));
}

static int synced(int fd, int (*real)(int)) {
    if (!watched(fd, 1)) return real(fd);
    int error = failure(0);
    if (error) {
        errno = error;
        return -1;
    }
    struct timespec rest = {.tv_sec = sync_us / 1000000, .tv_nsec = (long)(sync_us % 1000000) * 1000};
    while (sync_us && nanosleep(&rest, &rest) < 0 && errno == EINTR) continue;
    if (!synced_folder) return real(fd);
    pthread_mutex_lock(&one_at_a_time);
    int done = real(fd), after = errno;
    if (done == 0) {
        keep_removals();
        if (watched(fd, 0)) keep(fd);
    }
    pthread_mutex_unlock(&one_at_a_time);
    errno = after;
    return done;
}

EXPORT int fsync(int fd) {
    pthread_once(&once, read_settings);
    return synced(fd, real_fsync);
}

EXPORT int fdatasync(int fd) {
    pthread_once(&once, read_settings);
    return synced(fd, real_fdatasync);
}
