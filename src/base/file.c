/* SPDX-License-Identifier: GPL-3.0-or-later
   file.c -- whole files in, whole files out, and where the system keeps ours.
   It never interprets the bytes. */
#include "base/file.h"

#include <errno.h>
#include <fcntl.h>
#include <pwd.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include "base/memory.h"
#include "base/text.h"

static status fail_system(error *e, const char *path, const char *action)
{
    return fail(e, E_FILE, "%s: cannot be %s: %s", path, action, strerror(errno));
}

/* PATH with its parents; what is there already stays as it is. */
static status make_folders(const char *path, mode_t mode, error *e)
{
    char *part = memory_text(path, e);
    if (!part)
        return E_MEMORY;
    status result = E_OK;
    for (char *at = part; result == E_OK && *at; at++) {
        bool last = at[1] == '\0';
        if (!last && (*at != '/' || at == part))
            continue;
        char kept = *at;
        if (!last)
            *at = '\0';
        if (mkdir(part, mode) != 0 && errno != EEXIST)
            result = fail_system(e, part, "made");
        *at = kept;
    }
    memory_free(part);
    struct stat about;
    if (result == E_OK && (stat(path, &about) != 0 || !S_ISDIR(about.st_mode)))
        return fail(e, E_FILE, "%s: cannot be made: it is no folder", path);
    return result;
}

/* The folder that the file PATH is to stand in. */
static status make_parents(const char *path, error *e)
{
    const char *slash = strrchr(path, '/');
    if (!slash || slash == path)
        return E_OK;
    char *folder = memory_format(e, "%.*s", (int)(slash - path), path);
    if (!folder)
        return E_MEMORY;
    status result = file_exists(folder) ? E_OK : make_folders(folder, 0777, e);
    memory_free(folder);
    return result;
}

/* A name that nobody has, beside f->path; -1 with errno set. */
static int open_beside(atomic_file *f, error *e)
{
    for (int i = 0; i < 1000; i++) {
        f->beside = memory_format(e, "%s.%ld-%d.part", f->path, (long)getpid(), i);
        if (!f->beside)
            return -1;
        int descriptor = open(f->beside, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
        if (descriptor >= 0)
            return descriptor;
        int reason = errno;
        memory_free(f->beside);
        f->beside = NULL;
        errno = reason;
        if (reason != EEXIST)
            break;
    }
    fail_system(e, f->path, "written");
    return -1;
}

/* Devices and pipes cannot be renamed over: they are written as they are. */
static int open_for_writing(atomic_file *f, error *e)
{
    struct stat old;
    bool exists = stat(f->path, &old) == 0;
    if (exists && S_ISDIR(old.st_mode)) {
        fail(e, E_FILE, "%s: cannot be written: it is a folder", f->path);
        return -1;
    }
    if (exists && !S_ISREG(old.st_mode)) {
        int descriptor = open(f->path, O_WRONLY | O_CLOEXEC);
        if (descriptor < 0)
            fail_system(e, f->path, "written");
        return descriptor;
    }
    if (exists && access(f->path, W_OK) != 0) {
        fail_system(e, f->path, "written");
        return -1;
    }
    if (!exists && make_parents(f->path, e) != E_OK)
        return -1;
    int descriptor = open_beside(f, e);
    if (descriptor >= 0 && exists && fchmod(descriptor, old.st_mode & 0777) != 0) {
        fail_system(e, f->path, "written");
        close(descriptor);
        return -1;
    }
    return descriptor;
}

status atomic_open(atomic_file *f, const char *path, error *e)
{
    *f = (atomic_file){0};
    /* A link stays a link: what it points to is replaced. */
    char *target = realpath(path, NULL);
    f->path = memory_text(target ? target : path, e);
    free(target);
    if (!f->path)
        return E_MEMORY;
    error local = {0};
    error *filled = e ? e : &local;
    int descriptor = open_for_writing(f, filled);
    if (descriptor < 0) {
        atomic_abandon(f);
        return filled->code;
    }
    f->stream = fdopen(descriptor, "wb");
    if (!f->stream) {
        status result = fail_system(e, path, "written");
        close(descriptor);
        atomic_abandon(f);
        return result;
    }
    return E_OK;
}

/* Makes the new name itself survive a crash; where folders cannot be synced, the file
   is in place all the same. */
static void sync_folder(const char *path)
{
    const char *slash = strrchr(path, '/');
    char *folder = slash ? memory_format(NULL, "%.*s", (int)(slash - path + 1), path)
                         : memory_text(".", NULL);
    int descriptor = folder ? open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC) : -1;
    if (descriptor >= 0) {
        fsync(descriptor);
        close(descriptor);
    }
    memory_free(folder);
}

status atomic_commit(atomic_file *f, error *e)
{
    status result = E_OK;
    if (fflush(f->stream) != 0 || ferror(f->stream) ||
        (f->beside && fsync(fileno(f->stream)) != 0))
        result = fail_system(e, f->path, "written");
    int closed = fclose(f->stream);
    f->stream = NULL;
    if (result == E_OK && closed != 0)
        result = fail_system(e, f->path, "written");
    if (result == E_OK && f->beside && rename(f->beside, f->path) != 0)
        result = fail_system(e, f->path, "replaced");
    if (result == E_OK && f->beside) {
        sync_folder(f->path);
        memory_free(f->beside);
        f->beside = NULL;
    }
    atomic_abandon(f);
    return result;
}

void atomic_abandon(atomic_file *f)
{
    if (f->stream)
        fclose(f->stream);
    if (f->beside)
        unlink(f->beside);
    memory_free(f->beside);
    memory_free(f->path);
    *f = (atomic_file){0};
}

static status fail_too_long(error *e, const char *path, size_t limit)
{
    char words[32];
    return fail(e, E_FORMAT, "%s: longer than the %s that are read at most", path,
                text_bytes(words, (double)limit));
}

/* Reads to the end of the file: its size may be unknown (a pipe) or change meanwhile. */
static status read_all(int descriptor, const char *path, size_t limit, void **bytes,
                       size_t *length, error *e)
{
    struct stat about;
    if (fstat(descriptor, &about) != 0)
        return fail_system(e, path, "read");
    if (S_ISREG(about.st_mode) && about.st_size > 0 && (size_t)about.st_size > limit)
        return fail_too_long(e, path, limit);
    int64_t capacity = 0;
    int64_t room = S_ISREG(about.st_mode) ? about.st_size + 1 : 65536;
    for (;;) {
        /* One byte more than is read, so that the text in it is closed by a NUL. */
        TRY(memory_grow(bytes, &capacity, room + 1, 1, e));
        ssize_t got =
            read(descriptor, (char *)*bytes + *length, (size_t)capacity - 1 - *length);
        if (got < 0 && errno == EINTR)
            continue;
        if (got < 0)
            return fail_system(e, path, "read");
        if (got == 0)
            break;
        *length += (size_t)got;
        if (*length > limit)
            return fail_too_long(e, path, limit);
        if ((int64_t)*length + 1 >= capacity)
            room = capacity + capacity / 2;
    }
    ((char *)*bytes)[*length] = '\0';
    return E_OK;
}

static status read_whole(const char *path, bool regular, size_t limit, void **bytes,
                         size_t *length, error *e)
{
    struct stat about;
    *bytes = NULL;
    *length = 0;
    const int wait = regular ? O_NONBLOCK : 0;
    int descriptor = open(path, O_RDONLY | O_CLOEXEC | wait);
    if (descriptor < 0)
        return fail_system(e, path, "opened");
    status result = E_OK;
    if (regular && (fstat(descriptor, &about) != 0 || !S_ISREG(about.st_mode)))
        result = fail(e, E_FILE, "%s: cannot be opened: it is no regular file", path);
    if (result == E_OK)
        result = read_all(descriptor, path, limit, bytes, length, e);
    close(descriptor);
    if (result != E_OK) {
        memory_free(*bytes);
        *bytes = NULL;
        *length = 0;
    }
    return result;
}

status file_read(const char *path, size_t limit, void **bytes, size_t *length, error *e)
{
    return read_whole(path, false, limit, bytes, length, e);
}

status file_read_regular(const char *path, size_t limit, void **bytes, size_t *length,
                         error *e)
{
    return read_whole(path, true, limit, bytes, length, e);
}

bool file_exists(const char *path)
{
    return access(path, F_OK) == 0;
}

bool folder_exists(const char *path)
{
    struct stat about;
    return stat(path, &about) == 0 && S_ISDIR(about.st_mode);
}

status file_make_folder(const char *path, error *e)
{
    return make_folders(path, 0700, e);
}

/* Source: XDG Base Directory Specification, version 0.8. */
static char *base_folder(const char *variable, const char *below_home, error *e)
{
    const char *value = getenv(variable);
    if (value && value[0] == '/')
        return memory_format(e, "%s/lathe", value);
    const char *home = getenv("HOME");
    if (!home || home[0] != '/') {
        const struct passwd *user = getpwuid(getuid());
        home = user ? user->pw_dir : NULL;
    }
    if (!home || home[0] != '/') {
        fail(e, E_FILE, "%s: neither it nor HOME names a folder", variable);
        return NULL;
    }
    return memory_format(e, "%s/%s/lathe", home, below_home);
}

char *file_state_folder(error *e)
{
    return base_folder("XDG_STATE_HOME", ".local/state", e);
}

char *file_config_folder(error *e)
{
    return base_folder("XDG_CONFIG_HOME", ".config", e);
}

char *file_cache_folder(error *e)
{
    return base_folder("XDG_CACHE_HOME", ".cache", e);
}

static const char *temporary_place(void)
{
    const char *folder = getenv("TMPDIR");
    return folder && folder[0] == '/' ? folder : "/tmp";
}

char *file_temporary_folder(error *e)
{
    const char *place = temporary_place();
    char *path = memory_format(e, "%s/lathe-XXXXXX", place);
    if (path && !mkdtemp(path)) {
        fail(e, E_FILE, "a folder in '%s': %s", place, strerror(errno));
        memory_free(path);
        return NULL;
    }
    return path;
}

char *file_temporary(const char *suffix, error *e)
{
    const char *folder = temporary_place();
    char *path = memory_format(e, "%s/lathe-XXXXXX%s", folder, suffix ? suffix : "");
    int descriptor =
        path ? mkostemps(path, suffix ? (int)strlen(suffix) : 0, O_CLOEXEC) : -1;
    if (path && descriptor < 0) {
        fail(e, E_FILE, "%s: no temporary file can be made: %s", folder, strerror(errno));
        memory_free(path);
        return NULL;
    }
    if (descriptor >= 0)
        close(descriptor);
    return path;
}
