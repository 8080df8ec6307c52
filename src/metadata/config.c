#include "config.h"

static bool value_is_text(const char *value) {
    for (; *value; value++) {
        if ((uint8_t)*value < 0x20 || *value == 0x7f) {
            return false;
        }
    }
    return true;
}

bool metadata_configs_are_prepared(const struct metadata_config *configs, uint32_t count) {
    for (uint32_t i = 0; i < count; i++) {
        if (metadata_check_name(slice_of_string(configs[i].name), NULL) != STATUS_OK ||
            !value_is_text(configs[i].value) ||
            (i > 0 && strcmp(configs[i - 1].name, configs[i].name) >= 0)) {
            return false;
        }
    }
    return true;
}

bool metadata_configs_prepare(struct metadata_config *configs, uint32_t count) {
    for (uint32_t i = 1; i < count; i++) {
        struct metadata_config config = configs[i];
        uint32_t at = i;
        for (; at > 0 && strcmp(configs[at - 1].name, config.name) > 0; at--) {
            configs[at] = configs[at - 1];
        }
        configs[at] = config;
    }
    return metadata_configs_are_prepared(configs, count);
}

bool metadata_configs_equal(const struct metadata_config *a, uint32_t a_count,
                            const struct metadata_config *b, uint32_t b_count) {
    if (a_count != b_count) {
        return false;
    }
    for (uint32_t i = 0; i < a_count; i++) {
        if (strcmp(a[i].name, b[i].name) != 0 || strcmp(a[i].value, b[i].value) != 0) {
            return false;
        }
    }
    return true;
}

uint32_t metadata_configs_merge(const struct metadata_config *old, uint32_t old_count,
                                const struct metadata_config *changes, uint32_t change_count,
                                struct metadata_config *out) {
    uint32_t from_old = 0;
    uint32_t from_changes = 0;
    uint32_t count = 0;
    while (from_old < old_count || from_changes < change_count) {
        int order = from_old == old_count          ? 1
                    : from_changes == change_count ? -1
                                                   : strcmp(old[from_old].name, changes[from_changes].name);
        if (order < 0) {
            out[count++] = old[from_old++];
            continue;
        }
        from_old += order == 0;
        if (changes[from_changes].value[0]) {
            out[count++] = changes[from_changes];
        }
        from_changes++;
    }
    return count;
}

const char *metadata_topic_config(const struct metadata_topic *topic, const char *name) {
    for (uint32_t i = 0; i < topic->config_count; i++) {
        if (strcmp(topic->configs[i].name, name) == 0) {
            return topic->configs[i].value;
        }
    }
    return NULL;
}
