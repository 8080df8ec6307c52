/* Connect strings and lists of peers, as users write them: what parses, written down again, parses the same.
 */
#include "fuzz.h"

#include "coordination/address.h"

static const char *as_text(struct buffer *buffer) {
    buffer_append_u8(buffer, '\0');
    ASSERT(buffer_status(buffer) == STATUS_OK);
    return (const char *)buffer->data;
}

static void check_connect(const char *text) {
    static struct buffer written = {.size_max = SIZE_MAX};
    struct connect_string connect;
    struct connect_string again;
    struct error error = {0};
    enum status status = connect_string_parse(text, &error, &connect);
    if (status != STATUS_OK) {
        ASSERT(error.status == status && error.message[0] != '\0');
        return;
    }
    size_t prefix_size = strlen(connect.prefix);
    ASSERT(connect.hosts[0] != '\0' && strlen(connect.hosts) <= CONNECT_HOSTS_MAX);
    ASSERT(prefix_size == 0 || (connect.prefix[0] == '/' && connect.prefix[prefix_size - 1] != '/'));
    buffer_clear(&written);
    buffer_append_string(&written, connect.hosts);
    buffer_append_string(&written, prefix_size > 0 ? connect.prefix : "/");
    ASSERT(connect_string_parse(as_text(&written), NULL, &again) == STATUS_OK);
    ASSERT(strcmp(again.hosts, connect.hosts) == 0 && strcmp(again.prefix, connect.prefix) == 0);
}

static void check_distinct(const struct coordination_broker *peers, size_t count) {
    for (size_t i = 0; i < count; i++) {
        ASSERT(peers[i].id > 0 && peers[i].peer_port > 0);
        ASSERT(i == 0 || peers[i].id > peers[i - 1].id);
        for (size_t j = 0; j < i; j++) {
            ASSERT(strcmp(peers[i].host, peers[j].host) != 0 || peers[i].peer_port != peers[j].peer_port);
        }
    }
}

static void check_peers(const char *text) {
    static struct buffer written = {.size_max = SIZE_MAX};
    static struct coordination_broker peers[BROKERS_MAX];
    static struct coordination_broker again[BROKERS_MAX];
    struct error error = {0};
    size_t count;
    size_t again_count;
    enum status status = peers_parse(text, &error, peers, &count);
    if (status != STATUS_OK) {
        ASSERT(error.status == status && error.message[0] != '\0');
        return;
    }
    ASSERT(count > 0 && count <= BROKERS_MAX);
    check_distinct(peers, count);
    buffer_clear(&written);
    for (size_t i = 0; i < count; i++) {
        buffer_append_format(&written, "%s%u=%s:%u", i > 0 ? "," : "", peers[i].id, peers[i].host,
                             peers[i].peer_port);
    }
    ASSERT(peers_parse(as_text(&written), NULL, again, &again_count) == STATUS_OK);
    ASSERT(again_count == count);
    for (size_t i = 0; i < count; i++) {
        ASSERT(again[i].id == peers[i].id && again[i].peer_port == peers[i].peer_port);
        ASSERT(strcmp(again[i].host, peers[i].host) == 0);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    _cleanup_free_ char *text = malloc(size + 1);
    ASSERT(text != NULL);
    memcpy(text, size > 0 ? data : (const uint8_t *)"", size);
    text[size] = '\0';
    check_connect(text);
    check_peers(text);
    return 0;
}
