/*
 * `aviaryd --recover-unsafe`: on a stopped broker's data directory.
 */
#ifndef SERVER_RECOVER_UNSAFE_H
#define SERVER_RECOVER_UNSAFE_H

#include "config.h"

/*
 * `groups`: "all", or numbers with commas between. Tells on standard output what would be done, and does it
 * where `yes`. Returns the process's exit status: 2 for groups that are none.
 */
int recover_unsafe(const struct config *config, const char *groups, bool yes);

#endif
