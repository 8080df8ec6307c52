#include "media.h"

#include "text.h"

static struct slice essence(struct slice header) {
    struct slice type = {0};
    (void)text_split(&header, ';', &type);
    return text_trim(type);
}

bool media_is(struct slice content_type, const char *type) {
    return text_equal_any_case(essence(content_type), type);
}

/* How closely a range names a type: 0 not at all, 1 by any type, 2 by its main type, 3 itself. */
static unsigned match(struct slice range, const char *type) {
    if (text_equal(range, "*/*")) {
        return 1;
    }
    if (text_ends(range, "/*")) {
        struct slice main_type = slice_make(range.data, range.size - 1); /* with its slash */
        return strlen(type) > main_type.size && memcmp(type, main_type.data, main_type.size) == 0 ? 2 : 0;
    }
    return text_equal_any_case(range, type) ? 3 : 0;
}

/* Thousandths; a weight that is none counts as 0. */
static unsigned weight_of(struct slice text) {
    struct slice whole = {0};
    if (!text_split(&text, '.', &whole) || whole.size != 1 || text.size > 3) {
        return 0;
    }
    unsigned thousandths = whole.data[0] == '1' ? 1000 : 0;
    for (unsigned i = 0, unit = 100; i < text.size; i++, unit /= 10) {
        if (text.data[i] < '0' || text.data[i] > '9') {
            return 0;
        }
        thousandths += (unsigned)(text.data[i] - '0') * unit;
    }
    return thousandths > 1000 ? 1000 : thousandths;
}

static unsigned range_weight(struct slice parameters) {
    struct slice parameter;
    while (text_split(&parameters, ';', &parameter)) {
        parameter = text_trim(parameter);
        if (text_begins_any_case(parameter, "q=")) {
            return weight_of(slice_after(parameter, 2));
        }
    }
    return 1000;
}

/* What the closest range of the header says of that type. */
static unsigned type_weight(struct slice accept, const char *type) {
    unsigned closest = 0;
    unsigned weight = 0;
    struct slice range;
    while (text_split(&accept, ',', &range)) {
        struct slice parameters = range;
        struct slice name = {0};
        (void)text_split(&parameters, ';', &name);
        unsigned closeness = match(text_trim(name), type);
        if (closeness > closest) {
            closest = closeness;
            weight = range_weight(parameters);
        }
    }
    return weight;
}

int media_choose(const struct slice *accept, const char *const *types, size_t count) {
    if (accept == NULL || text_trim(*accept).size == 0) {
        return 0;
    }
    int best = -1;
    unsigned best_weight = 0;
    for (size_t i = 0; i < count; i++) {
        unsigned weight = type_weight(*accept, types[i]);
        if (weight > best_weight) {
            best = (int)i;
            best_weight = weight;
        }
    }
    return best;
}
