/*
 * Lists of topic configs: ascending by name, each name once.
 */
#ifndef AVIARY_METADATA_CONFIG_H
#define AVIARY_METADATA_CONFIG_H

#include "aviary/metadata.h"

/* Sorts by name. False where a name comes twice, or a name or value is not written as one (which values a
 * config takes is not asked here). */
bool metadata_configs_prepare(struct metadata_config *configs, uint32_t count);
/* Whether the list is sorted and well-formed already. */
bool metadata_configs_are_prepared(const struct metadata_config *configs, uint32_t count);
bool metadata_configs_equal(const struct metadata_config *a, uint32_t a_count,
                            const struct metadata_config *b, uint32_t b_count);
/* Lays `changes` over `old`, both prepared; an empty value removes. `out` has room for the sum of both;
 * returns how many it holds then. */
uint32_t metadata_configs_merge(const struct metadata_config *old, uint32_t old_count,
                                const struct metadata_config *changes, uint32_t change_count,
                                struct metadata_config *out);

#endif
