/*
 * raft's types: what storage and transport need to know of Raft.
 */
#ifndef AVIARY_RAFT_TYPES_H
#define AVIARY_RAFT_TYPES_H

#include "aviary/base.h"

/* A broker's incarnation (never reused within a cluster); 0 is nobody. */
typedef uint64_t raft_id;

enum raft_entry_type {
    RAFT_ENTRY_NOOP = 0,          /* the start of a leader's term; no payload */
    RAFT_ENTRY_CONFIGURATION = 1, /* payload: an encoded raft_configuration */
    RAFT_ENTRY_RECORDS = 2,       /* payload: a record batch (partitions) */
    RAFT_ENTRY_COMMAND = 3,       /* payload: a metadata command (group 0) */
    RAFT_ENTRY_LOG_START = 4,     /* payload: u64 new log start offset (partitions) */
    RAFT_ENTRY_TYPE_MAX = 4,
};

/* A log entry: its place, and its encoded bytes (raft/entry.h) as stored and sent. */
struct raft_entry {
    uint64_t index;
    uint64_t term;
    enum raft_entry_type type;
    struct blob *blob; /* who owns the reference is said where an entry is passed */
};

struct raft_member {
    raft_id id;
    bool voter; /* false: learner */
};

struct raft_configuration {
    uint32_t count;
    struct raft_member members[RAFT_MEMBERS_MAX];
};

struct raft_indexed_configuration {
    uint64_t index; /* of its entry; 0: the group's first configuration */
    struct raft_configuration configuration;
};

bool raft_configuration_equal(const struct raft_configuration *a, const struct raft_configuration *b);
/* NULL where `id` is no member. */
const struct raft_member *raft_configuration_find(const struct raft_configuration *configuration, raft_id id);
uint32_t raft_configuration_voters(const struct raft_configuration *configuration);
/* u8 version, u16 count, then (u64 id, u8 voter) each. */
void raft_configuration_encode(const struct raft_configuration *configuration, struct buffer *out);
/* Advances `reader`. CORRUPT, UNSUPPORTED. Refuses more than RAFT_MEMBERS_MAX, id 0, an id twice. */
enum status raft_configuration_decode(struct reader *reader, struct raft_configuration *ret) AVIARY_MUST_USE;

enum raft_message_type {
    RAFT_MESSAGE_PRE_VOTE = 1,          /* term = the term it would have; index, log_term = its last entry */
    RAFT_MESSAGE_PRE_VOTE_RESPONSE = 2, /* term as asked for; or reject and its sender's own term */
    RAFT_MESSAGE_VOTE = 3,              /* index, log_term = last entry; forced: by a transfer */
    RAFT_MESSAGE_VOTE_RESPONSE = 4,     /* reject */
    RAFT_MESSAGE_APPEND = 5,            /* index, log_term = previous entry; commit; entries */
    /* index = match; or reject, index = the previous index refused, and hint_index, hint_term = its last
     * entry up to there that the leader may have too */
    RAFT_MESSAGE_APPEND_RESPONSE = 6,
    RAFT_MESSAGE_HEARTBEAT = 7,          /* commit (<= the peer's match); context = read round */
    RAFT_MESSAGE_HEARTBEAT_RESPONSE = 8, /* context, echoed */
    RAFT_MESSAGE_SNAPSHOT =
        9, /* index, log_term = last entry covered; configuration; data: a chunk or the whole */
    RAFT_MESSAGE_SNAPSHOT_RESPONSE =
        10, /* driver to driver: index, data_offset = next byte wanted; reject: start again */
    RAFT_MESSAGE_TIMEOUT_NOW = 11, /* campaign at once: leadership transfer */
    RAFT_MESSAGE_TYPE_MAX = 11,
};

/*
 * One message of one group. Fields that its type does not list are 0. A leader's or candidate's message of an
 * old term is answered by the response to its type with reject and the answerer's term.
 */
struct raft_message {
    enum raft_message_type type;
    uint64_t group;
    raft_id from;
    raft_id to;
    uint64_t term;
    uint64_t index;
    uint64_t log_term;
    uint64_t commit;
    uint64_t context;
    uint64_t hint_index;
    uint64_t hint_term;
    bool reject;
    bool forced;
    struct raft_entry *entries; /* APPEND */
    size_t entry_count;
    struct raft_configuration configuration; /* SNAPSHOT; count 0 elsewhere */
    struct blob *data;                       /* SNAPSHOT: this chunk */
    uint64_t data_offset;                    /* bytes into the state blob */
    uint64_t data_total;                     /* bytes of the whole state blob */
};

/*
 * Appends and snapshots, large or empty: they keep their order among themselves (an empty append asks about
 * those before it), and nothing else waits behind them.
 */
static inline bool raft_message_is_bulk(const struct raft_message *message) {
    return message->type == RAFT_MESSAGE_APPEND || message->type == RAFT_MESSAGE_SNAPSHOT;
}

/* Of its entries and data, which make a message large. */
size_t raft_message_bytes(const struct raft_message *message);
/* Retains the entries' blobs and the data; the array is the copy's own. NO_MEMORY: `ret` is untouched. */
enum status raft_message_copy(const struct raft_message *message, struct raft_message *ret) AVIARY_MUST_USE;
/* Releases the entries' blobs, the array (malloc) and the data of a message that owns them; zeroes those
 * fields. */
void raft_message_finish(struct raft_message *message);
const char *raft_message_name(enum raft_message_type type);

#endif
