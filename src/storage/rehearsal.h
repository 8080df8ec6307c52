/*
 * Opening a database whose last opening did not come to an end. RocksDB as distributions build it answers
 * some kinds of damage with a failed assertion (a repeated record of its MANIFEST, write-ahead logs that
 * changed places): a broker would die of that at every start. So a mark stands while a database is opened,
 * and where it is found at the next start, a process of its own tries first.
 */
#ifndef AVIARY_STORAGE_REHEARSAL_H
#define AVIARY_STORAGE_REHEARSAL_H

#include "sizing.h"

/* Sets the mark; `ret_cut` tells whether it stood already. */
enum status rehearsal_begin(int directory, bool *ret_cut, struct error *error) AVIARY_MUST_USE;
/* Takes it away. */
void rehearsal_end(int directory);
/*
 * OK: a process opened the database at `path` and closed it, or was told that it cannot. CORRUPT: it died of
 * it. NO_SPACE: it died, and there is so little disk that this may be why. IO: it was killed, or there was
 * none.
 */
enum status rehearsal_run(int directory, const char *path, const struct sizing *sizing,
                          struct error *error) AVIARY_MUST_USE;

#endif
