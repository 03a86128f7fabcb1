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

static const char *path_part, *fail_file, *readonly_file, *full_file, *count_file;
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

#define WRITE(call)                                      \
    do {                                                 \
        if (!watched(fd, 0)) return call;                \
        int error = failure(1);                          \
        if (error) {                                     \
            errno = error;                               \
            return -1;                                   \
        }                                                \
        if (!kill_at && !count_file) return call;        \
        pthread_mutex_lock(&one_at_a_time);              \
        count();                                         \
        ssize_t done = call;                             \
        int after = errno;                               \
        pthread_mutex_unlock(&one_at_a_time);            \
        errno = after;                                   \
        return done;                                     \
    } while (0)

EXPORT ssize_t write(int fd, const void *bytes, size_t length) { WRITE(real_write(fd, bytes, length)); }

EXPORT ssize_t pwrite64(int fd, const void *bytes, size_t length, off64_t at) {
    WRITE(real_pwrite(fd, bytes, length, at));
}

EXPORT ssize_t pwrite(int fd, const void *bytes, size_t length, off_t at) { return pwrite64(fd, bytes, length, at); }

EXPORT ssize_t writev(int fd, const struct iovec *parts, int number_of) { WRITE(real_writev(fd, parts, number_of)); }

EXPORT ssize_t pwritev64(int fd, const struct iovec *parts, int number_of, off64_t at) {
    WRITE(real_pwritev(fd, parts, number_of, at));
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
    return real_ftruncate(fd, length);
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

EXPORT int unlink(const char *path) { NAME(strstr(path, path_part), real_unlink(path)); }

static int synced(int fd, int (*real)(int)) {
    if (!watched(fd, 1)) return real(fd);
    int error = failure(0);
    if (error) {
        errno = error;
        return -1;
    }
    struct timespec rest = {.tv_sec = sync_us / 1000000, .tv_nsec = (long)(sync_us % 1000000) * 1000};
    while (sync_us && nanosleep(&rest, &rest) < 0 && errno == EINTR) continue;
    return real(fd);
}

EXPORT int fsync(int fd) {
    pthread_once(&once, read_settings);
    return synced(fd, real_fsync);
}

EXPORT int fdatasync(int fd) {
    pthread_once(&once, read_settings);
    return synced(fd, real_fdatasync);
}
