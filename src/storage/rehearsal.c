#include "rehearsal.h"

#include "disk_guard.h"
#include "files.h"
#include "rocksdb_database.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

enum { MARK_MODE = 0640 };

static const char mark_name[] = "opening";

enum status rehearsal_begin(int directory, bool *ret_cut, struct error *error) {
    /* Not synced: it tells of a process that died, and a machine that died takes it along. */
    _cleanup_close_ int fd = openat(directory, mark_name, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, MARK_MODE);
    if (fd < 0 && errno != EEXIST) {
        return files_error(error, errno, "make", mark_name);
    }
    *ret_cut = fd < 0;
    return STATUS_OK;
}

void rehearsal_end(int directory) {
    if (unlinkat(directory, mark_name, 0) != 0 && errno != ENOENT) {
        log_warn("storage", "cannot take a mark away: the next start will take longer", "%s: %s", mark_name,
                 strerrordesc_np(errno));
    }
}

/* The process that may die. */
static void rehearse(const char *path, const struct sizing *sizing) {
    setrlimit(RLIMIT_CORE, &(struct rlimit){0});
    struct database database = {0};
    struct error error;
    if (database_open(&database, path, sizing, &error) == STATUS_OK) {
        database_close(&database);
    }
    _exit(0);
}

static bool is_crash(int signal_number) {
    static const int crashes[] = {SIGABRT, SIGSEGV, SIGBUS, SIGFPE, SIGILL};
    for (size_t i = 0; i < sizeof crashes / sizeof crashes[0]; i++) {
        if (signal_number == crashes[i]) {
            return true;
        }
    }
    return false;
}

static enum status judge(int directory, int result, const struct sizing *sizing, struct error *error) {
    bool died = WIFSIGNALED(result) || WEXITSTATUS(result) != 0;
    if (!died) {
        return STATUS_OK;
    }
    if (WIFSIGNALED(result) && !is_crash(WTERMSIG(result))) {
        return error_set(error, STATUS_IO,
                         "the process that tried to open the database was killed; start again");
    }
    struct disk_usage usage;
    enum status status = disk_usage_read(directory, &usage, error);
    if (status != STATUS_OK) {
        return status;
    }
    /* RocksDB fails an assertion on a full disk, too, and that is no damage. */
    if (usage.free_bytes < sizing->open_min) {
        return error_set(error, STATUS_NO_SPACE,
                         "the database could not be opened on an almost full disk; free some space");
    }
    return error_set(error, STATUS_CORRUPT, "RocksDB cannot stand it: opening it ended a process with %s %d",
                     WIFSIGNALED(result) ? "signal" : "status",
                     WIFSIGNALED(result) ? WTERMSIG(result) : WEXITSTATUS(result));
}

enum status rehearsal_run(int directory, const char *path, const struct sizing *sizing, struct error *error) {
    log_warn("storage", "the last start ended while it opened the database, trying it first", "path=%s",
             path);
    pid_t child = fork();
    if (child == 0) {
        rehearse(path, sizing);
    }
    int result = 0;
    pid_t ended = child;
    do {
        ended = child < 0 ? child : waitpid(child, &result, 0);
    } while (ended < 0 && child > 0 && errno == EINTR);
    if (ended < 0) {
        return files_error(error, errno, "try to open", path);
    }
    return judge(directory, result, sizing, error);
}
