#include "address.h"

#include "aviary/base/slice.h"

#include <stdlib.h>

static const char default_prefix[] = "/aviary";

/* Cuts the text before the first `separator` off `rest`; all of it where there is none. */
static struct slice cut(struct slice *rest, char separator) {
    const uint8_t *at = rest->size > 0 ? memchr(rest->data, separator, rest->size) : NULL;
    size_t size = at ? (size_t)(at - rest->data) : rest->size;
    struct slice head = slice_make(rest->data, size);
    *rest = slice_after(*rest, size + 1);
    return head;
}

static bool number_parse(struct slice text, uint64_t max, uint64_t *ret_number) {
    uint64_t number = 0;
    if (text.size == 0) {
        return false;
    }
    for (size_t i = 0; i < text.size; i++) {
        if (text.data[i] < '0' || text.data[i] > '9') {
            return false;
        }
        number = number * 10 + (uint64_t)(text.data[i] - '0');
        if (number > max) {
            return false;
        }
    }
    *ret_number = number;
    return true;
}

static bool is_alphanumeric(uint8_t byte) {
    return (byte >= 'a' && byte <= 'z') || (byte >= 'A' && byte <= 'Z') || (byte >= '0' && byte <= '9');
}

/* Loose on purpose: whether a name resolves is the resolver's to say; here only what would split wrongly. */
static bool host_is_valid(struct slice host) {
    if (host.size == 0 || host.size > HOST_SIZE_MAX) {
        return false;
    }
    bool bracketed = host.size > 2 && host.data[0] == '[' && host.data[host.size - 1] == ']';
    size_t begin = bracketed ? 1 : 0;
    size_t end = bracketed ? host.size - 1 : host.size;
    for (size_t i = begin; i < end; i++) {
        uint8_t byte = host.data[i];
        bool plain = is_alphanumeric(byte) || byte == '.' || byte == '-' || byte == '_';
        if (!plain && !(bracketed && (byte == ':' || byte == '%'))) {
            return false;
        }
    }
    return true;
}

/* "host:port"; the host is all before the last colon, so that a bracketed IPv6 address keeps its own. */
static bool host_and_port_parse(struct slice text, struct slice *ret_host, uint16_t *ret_port) {
    const uint8_t *colon = text.size > 0 ? memrchr(text.data, ':', text.size) : NULL;
    if (!colon) {
        return false;
    }
    size_t host_size = (size_t)(colon - text.data);
    struct slice host = slice_make(text.data, host_size);
    uint64_t port;
    if (!host_is_valid(host) || !number_parse(slice_after(text, host_size + 1), UINT16_MAX, &port) ||
        port == 0) {
        return false;
    }
    *ret_host = host;
    *ret_port = (uint16_t)port;
    return true;
}

static void copy_text(char *to, struct slice from) {
    memcpy(to, from.data, from.size);
    to[from.size] = '\0';
}

/* One part of the path between slashes: ZooKeeper takes neither "." nor "..", and we keep to plain letters.
 */
static bool prefix_part_is_valid(struct slice part) {
    if (part.size == 0 || slice_equal(part, slice_of_string(".")) ||
        slice_equal(part, slice_of_string(".."))) {
        return false;
    }
    for (size_t i = 0; i < part.size; i++) {
        uint8_t byte = part.data[i];
        if (!is_alphanumeric(byte) && byte != '.' && byte != '-' && byte != '_') {
            return false;
        }
    }
    return true;
}

/* `text` begins with the slash that ends the hosts. */
static enum status prefix_parse(struct slice text, struct error *error,
                                char ret_prefix[CONNECT_PREFIX_MAX + 1]) {
    if (text.size > CONNECT_PREFIX_MAX) {
        return error_set(error, STATUS_TOO_LARGE, "the path of --zookeeper is longer than %d characters",
                         CONNECT_PREFIX_MAX);
    }
    struct slice rest = slice_after(text, 1);
    while (rest.size > 0) {
        if (!prefix_part_is_valid(cut(&rest, '/'))) {
            return error_set(
                error, STATUS_INVALID,
                "the path of --zookeeper must be like /aviary: letters, digits, '.', '-' and '_' "
                "between single slashes");
        }
    }
    bool trailing_slash = text.data[text.size - 1] == '/';
    copy_text(ret_prefix, slice_make(text.data, text.size - (trailing_slash ? 1 : 0)));
    return STATUS_OK;
}

enum status connect_string_parse(const char *text, struct error *error, struct connect_string *ret_connect) {
    struct connect_string connect = {0};
    struct slice all = slice_of_string(text);
    struct slice rest = all;
    struct slice hosts = cut(&rest, '/');

    if (hosts.size > CONNECT_HOSTS_MAX) {
        return error_set(error, STATUS_TOO_LARGE, "the hosts of --zookeeper are longer than %d characters",
                         CONNECT_HOSTS_MAX);
    }
    copy_text(connect.prefix, slice_of_string(default_prefix));
    if (hosts.size < all.size) {
        enum status status = prefix_parse(slice_after(all, hosts.size), error, connect.prefix);
        if (status) {
            return status;
        }
    }
    rest = hosts;
    size_t cut_bytes = 0;
    do {
        struct slice address = cut(&rest, ',');
        struct slice host;
        uint16_t port;
        cut_bytes += address.size + 1;
        if (!host_and_port_parse(address, &host, &port)) {
            return error_set(error, STATUS_INVALID,
                             "--zookeeper must be like host:port,host:port/aviary; \"%.*s\" is no host:port",
                             (int)address.size, (const char *)address.data);
        }
    } while (cut_bytes <= hosts.size);
    copy_text(connect.hosts, hosts);
    *ret_connect = connect;
    return STATUS_OK;
}

static int compare_ids(const void *left, const void *right) {
    const struct coordination_broker *a = left;
    const struct coordination_broker *b = right;
    return a->id < b->id ? -1 : a->id > b->id;
}

/* "3=host:port" */
static bool peer_parse(struct slice text, struct coordination_broker *ret_peer) {
    struct coordination_broker peer = {0};
    struct slice rest = text;
    struct slice id_text = cut(&rest, '=');
    struct slice host;
    uint64_t id;
    if (!number_parse(id_text, UINT32_MAX, &id) || id == 0 ||
        !host_and_port_parse(rest, &host, &peer.peer_port)) {
        return false;
    }
    peer.id = (uint32_t)id;
    copy_text(peer.host, host);
    *ret_peer = peer;
    return true;
}

static enum status peers_check_distinct(const struct coordination_broker *peers, size_t count,
                                        struct error *error) {
    for (size_t i = 0; i < count; i++) {
        for (size_t j = i + 1; j < count; j++) {
            if (peers[i].id == peers[j].id) {
                return error_set(error, STATUS_INVALID, "--peers names the id %u twice", peers[i].id);
            }
            if (peers[i].peer_port == peers[j].peer_port && strcmp(peers[i].host, peers[j].host) == 0) {
                return error_set(error, STATUS_INVALID, "--peers gives %s:%u to both %u and %u",
                                 peers[i].host, peers[i].peer_port, peers[i].id, peers[j].id);
            }
        }
    }
    return STATUS_OK;
}

enum status peers_parse(const char *text, struct error *error,
                        struct coordination_broker ret_peers[BROKERS_MAX], size_t *ret_count) {
    struct coordination_broker peers[BROKERS_MAX];
    size_t count = 0;
    struct slice all = slice_of_string(text);
    struct slice rest = all;
    size_t cut_bytes = 0;
    do {
        struct slice entry = cut(&rest, ',');
        cut_bytes += entry.size + 1;
        if (count == BROKERS_MAX) {
            return error_set(error, STATUS_TOO_LARGE, "--peers names more than %d brokers", BROKERS_MAX);
        }
        if (!peer_parse(entry, &peers[count])) {
            return error_set(error, STATUS_INVALID,
                             "--peers must be like 1=host:port,2=host:port; \"%.*s\" is not", (int)entry.size,
                             (const char *)entry.data);
        }
        count++;
    } while (cut_bytes <= all.size);

    enum status status = peers_check_distinct(peers, count, error);
    if (status) {
        return status;
    }
    qsort(peers, count, sizeof peers[0], compare_ids);
    memcpy(ret_peers, peers, count * sizeof peers[0]);
    *ret_count = count;
    return STATUS_OK;
}
