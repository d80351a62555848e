#include "dns_name.h"

#include "dns.h"

#define POINTER          0xC0
#define POINTER_MAX      0x3FFF
#define LENGTH_KIND_MASK 0xC0

void dns_name_root(struct dns_name *n)
{
    n->len = 1;
    n->labels = 0;
    n->at[0] = 0;
    n->bytes[0] = 0;
}

static void copy_places(struct dns_name *to, const struct dns_name *from)
{
    to->len = from->len;
    to->labels = from->labels;
    memcpy(to->at, from->at, 8); /* the most that names have, without a call */
    if (from->labels >= 8)
        memcpy(to->at, from->at, from->labels + 1U);
}

void dns_name_copy(struct dns_name *to, const struct dns_name *from)
{
    copy_places(to, from);
    memcpy(to->bytes, from->bytes, from->len);
}

#define EACH_OCTET 0x0101010101010101U

/* Eight octets at once: the seventh bit of a sum of seven bits tells whether it passed a bound, and nothing
 * goes over from one octet to the next. */
static uint64_t lower_eight(uint64_t octets)
{
    uint64_t seven = octets & 0x7F * EACH_OCTET;
    uint64_t from_a = seven + (0x80 - 'A') * EACH_OCTET;
    uint64_t past_z = seven + (0x7F - 'Z') * EACH_OCTET;
    uint64_t capital = (from_a ^ past_z) & ~octets & 0x80 * EACH_OCTET;
    return octets | capital >> 2; /* 0x20 */
}

static void copy_lower_eight(uint8_t *to, const uint8_t *from)
{
    uint64_t eight;
    memcpy(&eight, from, sizeof eight);
    eight = lower_eight(eight);
    memcpy(to, &eight, sizeof eight);
}

/* Length octets stay as they are: they are below 'A'. */
void dns_name_lower(struct dns_name *to, const struct dns_name *from)
{
    size_t len = from->len, i = 0;
    copy_places(to, from);
    if (len < 8) {
        for (; i < len; i++)
            to->bytes[i] = ascii_lower(from->bytes[i]);
        return;
    }
    for (; i + 8 < len; i += 8)
        copy_lower_eight(to->bytes + i, from->bytes + i);
    copy_lower_eight(to->bytes + len - 8, from->bytes + len - 8); /* the last ones, some of them again */
}

/* ---- reading -------------------------------------------------------------------------- */

/* Appends one label, or the root at n == 0. False when the name would grow too long. */
static bool take_label(struct dns_name *out, struct reader *from, uint8_t n)
{
    if (n > DNS_LABEL_BYTES_MAX || out->len + 1 + n > DNS_NAME_BYTES_MAX || out->labels > DNS_LABELS_MAX)
        return false;
    out->at[out->labels] = out->len;
    out->bytes[out->len] = n;
    read_bytes(from, out->bytes + out->len + 1, n);
    out->len = (uint8_t)(out->len + 1 + n);
    out->labels = (uint8_t)(out->labels + (n != 0));
    return reader_ok(from);
}

/* A name that stands there whole, as most do; false, and nothing is read: it has pointers, or is wrong. */
static bool read_whole_name(struct reader *r, struct dns_name *out)
{
    struct span rest = reader_rest(r);
    size_t most = rest.len < DNS_NAME_BYTES_MAX ? rest.len : DNS_NAME_BYTES_MAX;
    size_t labels = 0;
    for (size_t at = 0; at < most;) { /* each label takes an octet at least */
        size_t n = rest.at[at];
        out->at[labels] = (uint8_t)at;
        at += 1 + n;
        if (n > DNS_LABEL_BYTES_MAX)
            return false;
        if (n == 0) {
            out->len = (uint8_t)at;
            out->labels = (uint8_t)labels;
            read_bytes(r, out->bytes, at);
            return true;
        }
        labels++;
    }
    return false;
}

bool read_dns_name(struct reader *r, struct span message, struct dns_name *out)
{
    if (read_whole_name(r, out))
        return true;
    struct reader elsewhere;
    struct reader *from = r;
    size_t floor = (size_t)(r->at - message.at);
    size_t hops = 0;
    out->len = out->labels = 0;
    /* ends: a label makes the name longer, a pointer goes backwards and is counted */
    while (reader_ok(from)) {
        uint8_t n = read_u8(from);
        if ((n & LENGTH_KIND_MASK) != POINTER) {
            if (!reader_ok(from) || !take_label(out, from, n))
                break;
            if (n == 0)
                return true;
            continue;
        }
        size_t target = (size_t)(n & ~POINTER) << 8;
        target |= read_u8(from);
        if (!reader_ok(from) || target >= floor || target < DNS_HEADER_BYTES || ++hops > DNS_NAME_HOPS_MAX)
            break;
        floor = target;
        elsewhere = reader_over(message);
        read_skip(&elsewhere, target);
        from = &elsewhere;
    }
    reader_fail(r);
    dns_name_root(out);
    return false;
}

struct span read_plain_name(struct reader *r)
{
    struct reader ahead = *r;
    size_t len = 0;
    for (uint8_t n = 1; n != 0 && reader_ok(&ahead);) { /* ends: len grows with each label */
        n = read_u8(&ahead);
        read_skip(&ahead, n);
        len += 1U + n;
        if (n > DNS_LABEL_BYTES_MAX || len > DNS_NAME_BYTES_MAX)
            reader_fail(&ahead);
    }
    if (!reader_ok(&ahead))
        reader_fail(r);
    return read_span(r, len);
}

bool dns_name_from_span(struct span name, struct dns_name *out)
{
    struct reader r = reader_over(name);
    out->len = out->labels = 0;
    for (uint8_t n = 1; n != 0;) { /* ends: take_label() refuses to go past 255 octets */
        n = read_u8(&r);
        if (!reader_ok(&r) || !take_label(out, &r, n)) {
            dns_name_root(out);
            return false;
        }
    }
    return reader_done(&r);
}

/* ---- comparing ------------------------------------------------------------------------ */

bool dns_name_within(const struct dns_name *n, const struct dns_name *parent)
{
    return n->labels >= parent->labels &&
           dns_name_equal(dns_name_suffix(n, parent->labels), dns_name_span(parent));
}

static int compare_labels(struct span a, struct span b)
{
    size_t both = a.len < b.len ? a.len : b.len;
    for (size_t i = 0; i < both; i++) {
        int difference = ascii_lower(a.at[i]) - ascii_lower(b.at[i]);
        if (difference)
            return difference;
    }
    return (int)a.len - (int)b.len;
}

int dns_name_compare(const struct dns_name *a, const struct dns_name *b)
{
    for (size_t i = 1; i <= a->labels && i <= b->labels; i++) {
        int difference = compare_labels(dns_name_label(a, a->labels - i), dns_name_label(b, b->labels - i));
        if (difference)
            return difference;
    }
    return (int)a->labels - (int)b->labels;
}

/* ---- text ----------------------------------------------------------------------------- */

/* One character of a name or string, escapes taken away; -1 when an escape is none. RFC 1035 5.1. */
static int read_escaped(struct reader *r)
{
    uint8_t c = read_u8(r);
    if (c != '\\')
        return c;
    c = read_u8(r);
    if (!reader_ok(r) || c < '0' || c > '9')
        return reader_ok(r) ? c : -1;
    uint8_t tens = read_u8(r);
    uint8_t ones = read_u8(r);
    int value = (c - '0') * 100 + (tens - '0') * 10 + (ones - '0');
    bool digits = reader_ok(r) && tens >= '0' && tens <= '9' && ones >= '0' && ones <= '9';
    return digits && value <= 255 ? value : -1;
}

/* One label up to its dot or the end of the text. NULL, or what is wrong. */
static const char *label_from_text(struct reader *r, struct dns_name *out, bool *dot)
{
    size_t length_at = out->len;
    size_t len = 0;
    *dot = false;
    while (reader_left(r) && !*dot) {
        if (reader_peek(r) == '.') {
            read_skip(r, 1);
            *dot = true;
            continue;
        }
        int c = read_escaped(r);
        if (c < 0)
            return "a name with one character or three digits up to 255 after each backslash";
        if (len == DNS_LABEL_BYTES_MAX)
            return "a name whose labels have at most 63 octets each";
        if (length_at + len + 2 >= DNS_NAME_BYTES_MAX)
            return "a name of at most 255 octets";
        out->bytes[length_at + ++len] = (uint8_t)c;
    }
    if (len == 0)
        return "a name without empty labels (two dots in a row, or a dot at the start)";
    out->at[out->labels++] = (uint8_t)length_at;
    out->bytes[length_at] = (uint8_t)len;
    out->len = (uint8_t)(length_at + 1 + len);
    return NULL;
}

/* Continues an unfinished name by the origin's labels and the root. */
static const char *continue_by(struct dns_name *out, const struct dns_name *origin)
{
    struct dns_name root;
    dns_name_root(&root);
    if (!origin)
        origin = &root;
    if (out->len + origin->len > DNS_NAME_BYTES_MAX)
        return "a name of at most 255 octets with the origin behind it (is a final dot missing?)";
    memcpy(out->bytes + out->len, origin->bytes, origin->len);
    for (size_t i = 0; i <= origin->labels; i++)
        out->at[out->labels + i] = (uint8_t)(out->len + origin->at[i]);
    out->len = (uint8_t)(out->len + origin->len);
    out->labels = (uint8_t)(out->labels + origin->labels);
    return NULL;
}

const char *dns_name_from_text(struct span text, const struct dns_name *origin, struct dns_name *out)
{
    struct reader r = reader_over(text);
    bool dot = false;
    out->len = out->labels = 0;
    if (text.len == 0)
        return "a name; the root is \".\"";
    if (span_is(text, ".")) {
        dns_name_root(out);
        return NULL;
    }
    if (span_is(text, "@"))
        return continue_by(out, origin);
    while (reader_left(&r)) {
        const char *wrong = label_from_text(&r, out, &dot);
        if (wrong)
            return wrong;
    }
    return continue_by(out, dot ? NULL : origin);
}

static void write_label_text(struct writer *w, struct span label)
{
    for (size_t i = 0; i < label.len; i++) {
        uint8_t c = label.at[i];
        if (c <= ' ' || c > '~') {
            uint8_t escape[] = { '\\', (uint8_t)('0' + c / 100), (uint8_t)('0' + c / 10 % 10),
                                 (uint8_t)('0' + c % 10) };
            write_bytes(w, escape, sizeof escape);
            continue;
        }
        if (strchr(".\\\"();@$", c))
            write_u8(w, '\\');
        write_u8(w, c);
    }
}

void write_dns_name_text(struct writer *w, struct span name)
{
    struct reader r = reader_over(name);
    if (name.len <= 1)
        write_u8(w, '.');
    while (reader_left(&r) > 1) {
        write_label_text(w, read_span(&r, read_u8(&r)));
        write_u8(w, '.');
    }
}

/* ---- writing -------------------------------------------------------------------------- */

void dns_names_open(struct dns_names *t, bool exact_case)
{
    t->exact_case = exact_case;
    t->count = 0;
    t->rest_len = 0;
    memset(t->head, 0, sizeof t->head);
}

/* FNV-1a over the label in lower case, begun by what it hangs under: the chain, and behind it the tag. */
static uint16_t key_of(uint16_t parent, struct span label)
{
    uint32_t h = 2166136261U ^ parent * 2654435761U;
    for (size_t i = 0; i < label.len; i++)
        h = (h ^ ascii_lower(label.at[i])) * 16777619U;
    return (uint16_t)(h >> 16);
}

static bool label_stands_at(const struct dns_names *t, const struct writer *w, size_t offset,
                            struct span label)
{
    struct reader r = reader_over(writer_span(w));
    read_skip(&r, offset);
    struct span written = read_span(&r, read_u8(&r));
    return t->exact_case ? span_equal(written, label) : span_equal_nocase(written, label);
}

/* The entry of `label` under `parent`; 0 when it was not written yet. */
static uint16_t find_label(const struct dns_names *t, const struct writer *w, uint16_t parent,
                           struct span label)
{
    uint16_t key = key_of(parent, label);
    uint16_t e = t->head[key >> 8];
    for (int i = 0; e && i < DNS_NAMES_CHAIN_MAX; i++, e = t->entries[e].next)
        if (t->entries[e].tag == (key & 0xFF) && t->entries[e].parent == parent &&
            label_stands_at(t, w, t->entries[e].offset, label))
            return e;
    return 0;
}

/* 0 when there is no room, or when no pointer can reach so far. */
static uint16_t add_label(struct dns_names *t, uint16_t parent, struct span label, size_t offset)
{
    if (t->count == DNS_NAMES_MAX || offset > POINTER_MAX)
        return 0;
    uint16_t key = key_of(parent, label);
    uint8_t chain = (uint8_t)(key >> 8);
    uint16_t e = ++t->count;
    t->entries[e] = (struct dns_names_entry){ (uint16_t)offset, parent, t->head[chain], chain, (uint8_t)key };
    t->head[chain] = e;
    return e;
}

/* Notes the first `fresh` labels of a name, of which the rest is `parent`. */
static void note_labels(struct dns_names *t, const struct dns_name *name, size_t fresh, uint16_t parent,
                        size_t offset)
{
    for (size_t i = fresh; i-- > 0;) {
        parent = add_label(t, parent, dns_name_label(name, i), offset + name->at[i]);
        if (!parent)
            return;
    }
}

/* How many labels at the left are not written yet; *parent is the entry of the rest. */
static size_t fresh_labels(const struct dns_names *t, const struct writer *w, const struct dns_name *name,
                           uint16_t *parent)
{
    size_t fresh = name->labels;
    *parent = 0;
    while (fresh > 0) {
        uint16_t e = find_label(t, w, *parent, dns_name_label(name, fresh - 1));
        if (!e)
            break;
        *parent = e;
        fresh--;
    }
    return fresh;
}

void dns_names_note(struct dns_names *t, const struct writer *w, const struct dns_name *name, size_t offset)
{
    uint16_t parent;
    size_t fresh = fresh_labels(t, w, name, &parent);
    note_labels(t, name, fresh, parent, offset);
}

void dns_names_forget(struct dns_names *t, struct mark m)
{
    while (t->count && t->entries[t->count].offset >= m.offset) {
        t->head[t->entries[t->count].chain] = t->entries[t->count].next;
        t->count--;
    }
    if (t->rest_entry > t->count)
        t->rest_len = 0;
}

/* Names in a row often differ in their first label alone: then the rest is not looked up again. */
static bool write_beside(struct writer *w, struct dns_names *t, struct span name)
{
    size_t offset = writer_length(w), length = name.at[0];
    if (!t->rest_len || length > DNS_LABEL_BYTES_MAX || name.len != 1 + length + t->rest_len)
        return false;
    struct span label = span_of(name.at + 1, length), rest = span_from(name, 1 + length);
    if (!span_equal(rest, span_of(t->rest, t->rest_len)))
        return false;
    uint16_t e = find_label(t, w, t->rest_entry, label);
    if (!e)
        write_bytes(w, name.at, 1 + label.len);
    write_u16(w, (uint16_t)(POINTER << 8 | t->entries[e ? e : t->rest_entry].offset));
    if (!e && writer_ok(w))
        add_label(t, t->rest_entry, label, offset);
    return true;
}

/* `entry` is that of the name's last labels, all but its first. */
static void note_rest(struct dns_names *t, const struct dns_name *name, uint16_t entry)
{
    struct span rest = dns_name_suffix(name, name->labels - 1U);
    t->rest_entry = entry;
    t->rest_len = (uint8_t)rest.len;
    memcpy(t->rest, rest.at, rest.len);
}

void write_dns_name(struct writer *w, struct dns_names *t, struct span name)
{
    struct dns_name n;
    uint16_t parent;
    size_t offset = writer_length(w);
    if (t && writer_ok(w) && name.len > 1 && write_beside(w, t, name))
        return;
    if (!t || !writer_ok(w) || !dns_name_from_span(name, &n)) {
        write_span(w, name);
        return;
    }
    size_t fresh = fresh_labels(t, w, &n, &parent);
    write_bytes(w, n.bytes, n.at[fresh]);
    if (parent)
        write_u16(w, (uint16_t)(POINTER << 8 | t->entries[parent].offset));
    else
        write_u8(w, 0);
    if (!writer_ok(w))
        return;
    note_labels(t, &n, fresh, parent, offset);
    if (fresh == 1 && parent)
        note_rest(t, &n, parent);
}
