/*
 * How jemalloc keeps memory. With glibc's malloc a third of all memory was holes after half an hour of mixed
 * load: memtables and saved states come and go between what stays, and nothing went back to the system. See
 * docs/adr/0020.
 */
#include <jemalloc/jemalloc.h>

/*
 * Read by jemalloc before main; MALLOC_CONF of the environment counts more. What is free goes back to the
 * system within seconds, also where no thread allocates; and thousands of idle workers keep little each.
 */
const char *malloc_conf = "background_thread:true,dirty_decay_ms:5000,muzzy_decay_ms:0,"
                          "tcache_max:4096,tcache_nslots_small_min:4,tcache_nslots_small_max:16";
