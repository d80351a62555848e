#include "mime.h"

/* Addresses of RFC 5322 3.4 with the obsolete forms of 4.4, and whatever people write instead of them. Words
 * are collected until a character tells what they were: a name before "<", a local part before "@", a group
 * before ":". */

#define END (-1)

struct mime_addresses mime_addresses_of(struct span value)
{
    return (struct mime_addresses){ .left = reader_over(value.at ? value : span_text("")) };
}

static bool is_white(int c)
{
    return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

/* A comment with all that is nested in it; without its outer parentheses. */
static struct span read_comment(struct reader *r)
{
    size_t depth = 0, n = 0;
    struct reader ahead = *r;
    while (reader_left(&ahead) > 0) {
        uint8_t c = read_u8(&ahead);
        n++;
        if (c == '\\' && reader_left(&ahead) > 0) {
            read_skip(&ahead, 1);
            n++;
        } else if (c == '(') {
            depth++;
        } else if (c == ')' && --depth == 0) {
            break;
        }
    }
    struct span whole = read_span(r, n);
    return span_head(span_from(whole, 1), depth == 0 ? n - 2 : n - 1);
}

/* Up to the quote, or to the end; backslashes and folding are left out. */
static void write_unescaped(struct reader *r, struct writer *room)
{
    while (reader_left(r) > 0) {
        uint8_t c = read_u8(r);
        if (c == '"')
            return;
        if (c == '\\' && reader_left(r) > 0)
            c = read_u8(r);
        if (c != '\r' && c != '\n')
            write_u8(room, c);
    }
}

static void write_word(struct reader *r, struct writer *room)
{
    static const bool ends[256] = {
        [' '] = true, ['\t'] = true, ['\r'] = true, ['\n'] = true, ['('] = true, ['"'] = true, ['<'] = true,
        ['>'] = true, ['@'] = true,  [','] = true,  [';'] = true,  [':'] = true, ['['] = true
    };
    static const bool bracket[256] = { [']'] = true };
    if (reader_peek(r) == '"') {
        read_skip(r, 1);
        write_unescaped(r, room);
    } else if (reader_peek(r) == '[') { /* a domain literal may have colons in it */
        write_span(room, read_until(r, bracket));
        if (reader_left(r) > 0)
            write_u8(room, read_u8(r));
    } else {
        write_span(room, read_until(r, ends));
    }
}

/* Words up to a special character, which is returned and not taken. Between two words stays one space where
 * `spaces`. */
static int take_words(struct reader *r, struct writer *room, bool spaces, struct span *out,
                      struct span *comment)
{
    struct mark from = writer_mark(room);
    bool white = false;
    int c;
    while ((c = reader_peek(r)) != END && c != '<' && c != '>' && c != '@' && c != ',' && c != ';' &&
           c != ':') {
        if (is_white(c)) {
            white = true;
            read_skip(r, 1);
        } else if (c == '(') {
            *comment = read_comment(r);
        } else {
            if (white && spaces && writer_length(room) > from.offset)
                write_u8(room, ' ');
            white = false;
            write_word(r, room);
        }
    }
    *out = span_from(writer_span(room), from.offset);
    return c;
}

/* Behind the "<": [route ":"] local "@" domain ">". */
static void take_angle(struct reader *r, struct writer *room, struct mime_address *out, struct span *comment)
{
    static const bool colon[256] = { [':'] = true, ['>'] = true, [','] = false };
    struct reader ahead = *r;
    if (reader_peek(r) == '@') {
        struct span route = read_until(&ahead, colon);
        if (reader_peek(&ahead) == ':') {
            read_skip(&ahead, 1);
            out->route = route;
            *r = ahead;
        }
    }
    if (take_words(r, room, false, &out->local, comment) != '@')
        return;
    read_skip(r, 1);
    take_words(r, room, false, &out->domain, comment);
}

/* What is left of this address: nothing, where it was written well. */
static void skip_rest(struct reader *r, struct writer *room, struct span *comment)
{
    struct mark from = writer_mark(room);
    struct span rest;
    for (;;) { /* each turn but the last takes a character */
        int c = take_words(r, room, false, &rest, comment);
        if (c == END || c == ',' || c == ';')
            break;
        read_skip(r, 1);
    }
    writer_back_to(room, from);
}

static struct span unescaped_comment(struct span comment, struct writer *room)
{
    struct mark from = writer_mark(room);
    struct reader r = reader_over(comment);
    while (reader_left(&r) > 0) {
        uint8_t c = read_u8(&r);
        if (c == '\\' && reader_left(&r) > 0)
            c = read_u8(&r);
        if (c != '\r' && c != '\n')
            write_u8(room, c);
    }
    return span_from(writer_span(room), from.offset);
}

/* The separators before an address; true when a group ended with them. */
static bool skip_separators(struct mime_addresses *a)
{
    int c;
    while ((c = reader_peek(&a->left)) != END && (is_white(c) || c == ',' || c == ';' || c == '>')) {
        read_skip(&a->left, 1);
        if (c == ';' && a->in_group)
            return true;
    }
    return c == END && a->in_group;
}

bool mime_next_address(struct mime_addresses *a, struct writer *room, struct mime_address *out)
{
    struct reader *r = &a->left;
    for (;;) { /* each turn takes a character at least, or ends */
        struct span words, comment = { 0 };
        struct mark from = writer_mark(room);
        *out = (struct mime_address){ .kind = MIME_GROUP_END };
        if (skip_separators(a)) {
            a->in_group = false;
            return true;
        }
        if (reader_left(r) == 0)
            return false;
        struct reader again = *r;
        int c = take_words(r, room, true, &words, &comment);
        out->kind = MIME_ADDRESS;
        out->local = words;
        if (c == ':' && !a->in_group) {
            read_skip(r, 1);
            a->in_group = true;
            *out = (struct mime_address){ .kind = MIME_GROUP, .name = words };
            return true;
        }
        if (c == '<') {
            read_skip(r, 1);
            out->name = words.len > 0 ? words : span_of(NULL, 0);
            out->local = span_text("");
            take_angle(r, room, out, &comment);
        } else if (c == '@') {
            writer_back_to(room, from);
            take_words(&again, room, false, &out->local, &comment);
            read_skip(r, 1);
            take_words(r, room, false, &out->domain, &comment);
        }
        skip_rest(r, room, &comment);
        if (!out->name.at && comment.len > 0 && (out->local.len > 0 || out->domain.len > 0))
            out->name = unescaped_comment(comment, room);
        if (out->local.len > 0 || out->domain.len > 0 || out->name.at)
            return true;
    }
}
