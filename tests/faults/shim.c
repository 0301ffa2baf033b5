/* Lets one call of a process fail: the n-th of open, write, fsync, rename and mmap that concerns a
   file in a folder. Loaded before the C library (LD_PRELOAD); Linux only. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

static atomic_long calls;
static long failing;
static int error_number;
static char folder[PATH_MAX];
static char last[32];

/* Fail the call number `n`, from 1, about files whose absolute path begins with `prefix`. */
void fault_arm(long n, int number, const char *prefix) {
    strncpy(folder, prefix, sizeof folder - 1);
    failing = n;
    error_number = number;
    last[0] = 0;
    atomic_store(&calls, 0);
}

long fault_calls(void) { return atomic_load(&calls); }
const char *fault_last(void) { return last; }

static int fails(const char *what) {
    if (atomic_fetch_add(&calls, 1) + 1 != failing) return 0;
    strncpy(last, what, sizeof last - 1);
    errno = error_number;
    return 1;
}

static int is_inside(const char *path) {
    char whole[PATH_MAX];
    if (!folder[0] || !path) return 0;
    if (path[0] != '/') {
        if (!getcwd(whole, sizeof whole)) return 0;
        return !strncmp(whole, folder, strlen(folder));
    }
    return !strncmp(path, folder, strlen(folder));
}

static int is_open_inside(int descriptor) {
    char name[64], path[PATH_MAX];
    if (!folder[0] || descriptor < 3) return 0;
    snprintf(name, sizeof name, "/proc/self/fd/%d", descriptor);
    ssize_t n = readlink(name, path, sizeof path - 1);
    if (n <= 0) return 0;
    path[n] = 0;
    return !strncmp(path, folder, strlen(folder));
}

#define NEXT(name) ((typeof(&name))dlsym(RTLD_NEXT, #name))

#define OPEN(name)                                        \
    int name(const char *path, int flags, ...) {          \
        va_list more;                                     \
        va_start(more, flags);                            \
        mode_t mode = va_arg(more, mode_t);               \
        va_end(more);                                     \
        if (is_inside(path) && fails("open")) return -1;  \
        return NEXT(name)(path, flags, mode);             \
    }
OPEN(open)
OPEN(open64)

#define OPENAT(name)                                              \
    int name(int at, const char *path, int flags, ...) {          \
        va_list more;                                             \
        va_start(more, flags);                                    \
        mode_t mode = va_arg(more, mode_t);                       \
        va_end(more);                                             \
        if (is_inside(path) && fails("openat")) return -1;        \
        return NEXT(name)(at, path, flags, mode);                 \
    }
OPENAT(openat)
OPENAT(openat64)

ssize_t write(int descriptor, const void *data, size_t size) {
    if (is_open_inside(descriptor) && fails("write")) return -1;
    return NEXT(write)(descriptor, data, size);
}

int fsync(int descriptor) {
    if (is_open_inside(descriptor) && fails("fsync")) return -1;
    return NEXT(fsync)(descriptor);
}

int rename(const char *from, const char *to) {
    if (is_inside(to) && fails("rename")) return -1;
    return NEXT(rename)(from, to);
}

int renameat(int at, const char *from, int into, const char *to) {
    if (is_inside(to) && fails("renameat")) return -1;
    return NEXT(renameat)(at, from, into, to);
}

int link(const char *from, const char *to) {
    if (is_inside(to) && fails("link")) return -1;
    return NEXT(link)(from, to);
}

#define MMAP(name, kind)                                                                     \
    void *name(void *at, size_t size, int access, int flags, int descriptor, kind offset) {  \
        if (descriptor >= 0 && is_open_inside(descriptor) && fails("mmap"))                  \
            return MAP_FAILED;                                                               \
        return NEXT(name)(at, size, access, flags, descriptor, offset);                      \
    }
MMAP(mmap, off_t)
MMAP(mmap64, off64_t)
