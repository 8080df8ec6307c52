#include "rocksdb_error.h"

#include <rocksdb/c.h>

static bool begins(const char *text, const char *prefix) {
    return strncmp(text, prefix, strlen(prefix)) == 0;
}

static enum status io_status(const char *text) {
    if (strstr(text, "While lock file") || strstr(text, "lock hold by current process")) {
        return STATUS_CONFLICT;
    }
    if (begins(text, "IO error: No such file or directory")) {
        return STATUS_NOT_FOUND;
    }
    return begins(text, "IO error: No space left on device") ? STATUS_NO_SPACE : STATUS_IO;
}

/* There is no database, or not one of ours; other invalid arguments are a mistake of this program. */
static enum status invalid_status(const char *text) {
    bool absent = strstr(text, "does not exist (create_if_missing is false)") ||
                  strstr(text, "Column family not found") || strstr(text, "Column families not opened");
    return absent ? STATUS_NOT_FOUND : STATUS_INVALID;
}

enum status rocksdb_error_status(const char *text) {
    if (begins(text, "Corruption")) {
        return STATUS_CORRUPT;
    }
    if (begins(text, "IO error")) {
        return io_status(text);
    }
    if (begins(text, "Result incomplete")) {
        return STATUS_FULL;
    }
    if (begins(text, "Invalid argument")) {
        return invalid_status(text);
    }
    if (begins(text, "Not implemented")) {
        return STATUS_UNSUPPORTED;
    }
    return begins(text, "NotFound") ? STATUS_NOT_FOUND : STATUS_IO;
}

enum status rocksdb_error_translate(char *text, const char *doing, struct error *error) {
    if (!text) {
        return STATUS_OK;
    }
    enum status status = error_set(error, rocksdb_error_status(text), "cannot %s: %s", doing, text);
    rocksdb_free(text);
    return status;
}
