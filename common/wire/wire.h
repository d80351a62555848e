/* Cursors over bytes: the only way anything here touches bytes from or for the network.
 *
 * A reader that has run off its end stays failed, moves no further and gives zeros, so a
 * parser is a list of reads and one question at the end. Every length field opens a window,
 * a reader of its own, so no remainder is ever subtracted by hand. A writer never passes its
 * limit; what does not fit sets `failed`, and a mark takes it all back. One statement a read:
 * C leaves the order inside an initialiser or an argument list open. */
#ifndef WIRELAB_WIRE_H
#define WIRELAB_WIRE_H

#include <endian.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

/* A run of bytes owned by someone else; valid for as long as its owner says. */
struct span {
    const uint8_t *at;
    size_t len;
};

static inline struct span span_of(const void *at, size_t len)
{
    return (struct span){ at, len };
}

/* The bytes of a C string without its NUL. */
static inline struct span span_text(const char *text)
{
    return (struct span){ (const uint8_t *)text, strlen(text) };
}

static inline bool span_equal(struct span a, struct span b)
{
    return a.len == b.len && (a.len == 0 || memcmp(a.at, b.at, a.len) == 0);
}

static inline uint8_t ascii_lower(uint8_t c)
{
    return c >= 'A' && c <= 'Z' ? (uint8_t)(c | 0x20) : c;
}

/* Equal but for the case of ASCII letters. */
static inline bool span_equal_nocase(struct span a, struct span b)
{
    if (a.len != b.len)
        return false;
    for (size_t i = 0; i < a.len; i++)
        if (ascii_lower(a.at[i]) != ascii_lower(b.at[i]))
            return false;
    return true;
}

static inline bool span_is(struct span a, const char *text)
{
    return span_equal(a, span_text(text));
}

static inline bool span_is_nocase(struct span a, const char *text)
{
    return span_equal_nocase(a, span_text(text));
}

static inline bool span_starts(struct span a, const char *prefix)
{
    size_t n = strlen(prefix);
    return a.len >= n && memcmp(a.at, prefix, n) == 0;
}

/* The bytes from `from` on; empty when `from` is past the end. */
static inline struct span span_from(struct span a, size_t from)
{
    if (from >= a.len)
        return (struct span){ a.at, 0 };
    return (struct span){ a.at + from, a.len - from };
}

/* The first `len` bytes, or all of them where there are fewer. */
static inline struct span span_head(struct span a, size_t len)
{
    return (struct span){ a.at, len < a.len ? len : a.len };
}

/* Where `byte` first stands, or a.len when it is not there. */
static inline size_t span_find(struct span a, uint8_t byte)
{
    const uint8_t *hit = a.at ? memchr(a.at, byte, a.len) : NULL;
    return hit ? (size_t)(hit - a.at) : a.len;
}

/* ---- reading ------------------------------------------------------------------------- */

/* Once failed, nothing is left: end == at. */
struct reader {
    const uint8_t *start, *at, *end;
    bool failed;
};

static inline struct reader reader_over(struct span s)
{
    return (struct reader){ s.at, s.at, s.len ? s.at + s.len : s.at, false }; /* NULL may have no offset */
}

/* Bytes not read yet; 0 once failed. */
static inline size_t reader_left(const struct reader *r)
{
    return (size_t)(r->end - r->at);
}

/* How far from the start the next read is. */
static inline size_t reader_offset(const struct reader *r)
{
    return (size_t)(r->at - r->start);
}

/* Nothing was missing so far. */
static inline bool reader_ok(const struct reader *r)
{
    return !r->failed;
}

/* Nothing was missing and nothing is left over. */
static inline bool reader_done(const struct reader *r)
{
    return !r->failed && r->at == r->end;
}

/* For a parser that finds a value it cannot accept. */
static inline void reader_fail(struct reader *r)
{
    r->failed = true;
    r->end = r->at;
}

/* Whether n bytes are there; else it is failed. For this header; others use the reads below. */
static inline bool reader_has(struct reader *r, size_t n)
{
    if ((size_t)(r->end - r->at) >= n)
        return true;
    reader_fail(r);
    return false;
}

static inline uint8_t read_u8(struct reader *r)
{
    return reader_has(r, 1) ? *r->at++ : 0;
}

static inline uint16_t read_u16(struct reader *r)
{
    uint16_t v = 0;
    if (reader_has(r, sizeof v)) {
        memcpy(&v, r->at, sizeof v);
        r->at += sizeof v;
    }
    return be16toh(v);
}

static inline uint32_t read_u32(struct reader *r)
{
    uint32_t v = 0;
    if (reader_has(r, sizeof v)) {
        memcpy(&v, r->at, sizeof v);
        r->at += sizeof v;
    }
    return be32toh(v);
}

static inline uint64_t read_u64(struct reader *r)
{
    uint64_t v = 0;
    if (reader_has(r, sizeof v)) {
        memcpy(&v, r->at, sizeof v);
        r->at += sizeof v;
    }
    return be64toh(v);
}

/* The next n bytes as a span into the input; empty when they are not there. */
static inline struct span read_span(struct reader *r, size_t n)
{
    struct span s = { r->at, 0 };
    if (n && reader_has(r, n)) { /* NULL may have no offset */
        s.len = n;
        r->at += n;
    }
    return s;
}

/* Copies the next n bytes; zeros when they are not there. */
static inline void read_bytes(struct reader *r, void *into, size_t n)
{
    if (!reader_has(r, n)) {
        memset(into, 0, n);
    } else if (n) {
        memcpy(into, r->at, n);
        r->at += n;
    }
}

static inline void read_skip(struct reader *r, size_t n)
{
    if (n && reader_has(r, n))
        r->at += n;
}

/* All that is left. */
static inline struct span read_rest(struct reader *r)
{
    return read_span(r, reader_left(r));
}

/* A reader of the next n bytes and no more; `r` moves past them whatever is done inside.
 * When they are not there, both readers are failed. */
static inline struct reader read_window(struct reader *r, size_t n)
{
    struct span s = read_span(r, n);
    struct reader w = reader_over(s);
    w.failed = r->failed; /* then s is empty */
    return w;
}

/* All that is left, without reading it. */
static inline struct span reader_rest(const struct reader *r)
{
    return (struct span){ r->at, reader_left(r) };
}

/* The next byte without reading it; -1 when there is none. */
static inline int reader_peek(const struct reader *r)
{
    return r->at == r->end ? -1 : *r->at;
}

/* The bytes before the first one that is in `stops`, or all that are left. */
static inline struct span read_until(struct reader *r, const bool stops[256])
{
    const uint8_t *from = r->at;
    while (r->at < r->end && !stops[*r->at])
        r->at++;
    return (struct span){ from, (size_t)(r->at - from) };
}

/* ---- writing ------------------------------------------------------------------------- */

/* Between limit and end lies what writer_reserve() keeps back. Once failed, nothing fits: limit == at. */
struct writer {
    uint8_t *start, *at, *limit, *end;
    size_t reserved;
    bool failed;
};

struct mark {
    size_t offset;
};

static inline struct writer writer_over(void *room, size_t size)
{
    uint8_t *p = room;
    return (struct writer){ p, p, p + size, p + size, 0, false };
}

static inline size_t writer_length(const struct writer *w)
{
    return (size_t)(w->at - w->start);
}

static inline size_t writer_room(const struct writer *w)
{
    return (size_t)(w->limit - w->at);
}

static inline bool writer_ok(const struct writer *w)
{
    return !w->failed;
}

/* What was written so far. */
static inline struct span writer_span(const struct writer *w)
{
    return (struct span){ w->start, writer_length(w) };
}

/* For a builder that finds a value that cannot be written. */
static inline void writer_fail(struct writer *w)
{
    w->failed = true;
    w->limit = w->at;
}

/* Whether there is room for n bytes; else it is failed. */
static inline bool writer_has(struct writer *w, size_t n)
{
    if ((size_t)(w->limit - w->at) >= n)
        return true;
    writer_fail(w);
    return false;
}

/* Room for n bytes that the caller fills at once, or NULL (and failed). */
static inline uint8_t *writer_take(struct writer *w, size_t n)
{
    if (!writer_has(w, n))
        return NULL;
    uint8_t *p = w->at;
    w->at += n;
    return p;
}

/* Keeps n bytes back for what must fit later (OPT, TSIG, END); false when there is no such room. */
static inline bool writer_reserve(struct writer *w, size_t n)
{
    if (w->failed || (size_t)(w->limit - w->at) < n)
        return false;
    w->limit -= n;
    w->reserved += n;
    return true;
}

/* Gives n reserved bytes back. */
static inline void writer_release(struct writer *w, size_t n)
{
    if (w->reserved < n)
        return;
    w->reserved -= n;
    if (!w->failed)
        w->limit += n;
}

static inline struct mark writer_mark(const struct writer *w)
{
    return (struct mark){ writer_length(w) };
}

/* Forgets all that was written since the mark, and the failure as well. */
static inline void writer_back_to(struct writer *w, struct mark m)
{
    w->at = w->start + m.offset;
    w->limit = w->end - w->reserved;
    w->failed = false;
}

static inline void write_u8(struct writer *w, uint8_t v)
{
    if (writer_has(w, 1))
        *w->at++ = v;
}

static inline void write_u16(struct writer *w, uint16_t v)
{
    v = htobe16(v);
    if (writer_has(w, sizeof v)) {
        memcpy(w->at, &v, sizeof v);
        w->at += sizeof v;
    }
}

static inline void write_u32(struct writer *w, uint32_t v)
{
    v = htobe32(v);
    if (writer_has(w, sizeof v)) {
        memcpy(w->at, &v, sizeof v);
        w->at += sizeof v;
    }
}

static inline void write_u64(struct writer *w, uint64_t v)
{
    v = htobe64(v);
    if (writer_has(w, sizeof v)) {
        memcpy(w->at, &v, sizeof v);
        w->at += sizeof v;
    }
}

static inline void write_bytes(struct writer *w, const void *from, size_t n)
{
    if (n && writer_has(w, n)) {
        memcpy(w->at, from, n);
        w->at += n;
    }
}

static inline void write_span(struct writer *w, struct span s)
{
    write_bytes(w, s.at, s.len);
}

/* The bytes of a C string, without its NUL. */
static inline void write_text(struct writer *w, const char *text)
{
    write_bytes(w, text, strlen(text));
}

static inline void write_zeros(struct writer *w, size_t n)
{
    uint8_t *p = writer_take(w, n);
    if (p && n)
        memset(p, 0, n);
}

/* Digits of an unsigned number, without locale. */
static inline void write_decimal(struct writer *w, uint64_t v)
{
    uint8_t digits[20];
    size_t n = 0;
    do {
        digits[n++] = (uint8_t)('0' + v % 10);
        v /= 10;
    } while (v);
    uint8_t *p = writer_take(w, n);
    for (size_t i = 0; p && i < n; i++)
        p[i] = digits[n - 1 - i];
}

/* The next n bytes, for a writer of their own to be filled later. When there is no such room, both writers
 * are failed. */
static inline struct writer write_window(struct writer *w, size_t n)
{
    uint8_t *p = writer_take(w, n);
    struct writer window = p ? writer_over(p, n) : writer_over(w->at, 0);
    window.failed = !p;
    return window;
}

/* Writes v over the two bytes at the mark, which must have been written before. */
static inline void writer_patch_u16(struct writer *w, struct mark m, uint16_t v)
{
    if (w->failed || m.offset + 2 > writer_length(w)) {
        writer_fail(w);
        return;
    }
    w->start[m.offset] = (uint8_t)(v >> 8);
    w->start[m.offset + 1] = (uint8_t)v;
}

/* One or two bytes left open for a length ... */
static inline struct mark write_length8(struct writer *w)
{
    struct mark m = writer_mark(w);
    write_u8(w, 0);
    return m;
}

static inline struct mark write_length16(struct writer *w)
{
    struct mark m = writer_mark(w);
    write_u16(w, 0);
    return m;
}

/* ... filled with what came after them. A length that does not fit sets `failed`. */
static inline void close_length8(struct writer *w, struct mark m)
{
    size_t n = writer_length(w) - m.offset - 1;
    if (w->failed || n > UINT8_MAX) {
        writer_fail(w);
        return;
    }
    w->start[m.offset] = (uint8_t)n;
}

static inline void close_length16(struct writer *w, struct mark m)
{
    size_t n = writer_length(w) - m.offset - 2;
    if (w->failed || n > UINT16_MAX) {
        writer_fail(w);
        return;
    }
    writer_patch_u16(w, m, (uint16_t)n);
}

#endif
