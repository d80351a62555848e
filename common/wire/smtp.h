/* SMTP's wire format (RFC 5321), parse and build: lines, commands, paths, parameters, replies, and the
 * transparency of message text. Used by the server, by clients and by load generators alike. Pure.
 *
 * Only CRLF ends a line, and only CRLF "." CRLF ends a message: a bare CR, a bare LF and a NUL are told apart
 * from text wherever they stand, so that no two readers of one byte stream can disagree about where a message
 * ends. */
#ifndef WIRELAB_WIRE_SMTP_H
#define WIRELAB_WIRE_SMTP_H

#include "wire.h"

/* RFC 5321 4.5.3.1.4 asks for 512 octets and lets extensions add to it; DSN (RFC 3461) adds the most. */
#define SMTP_LINE_MAX         2048
#define SMTP_PATH_MAX         256 /* RFC 5321 4.5.3.1.3, brackets included; the only bound on a local part */
#define SMTP_DOMAIN_MAX       255 /* RFC 5321 4.5.3.1.2 */
#define SMTP_REPLY_LINE_MAX   512 /* RFC 5321 4.5.3.1.5, CRLF included */
#define SMTP_REPLY_LINES_MAX  64  /* no EHLO list is that long */
#define SMTP_SOURCE_ROUTE_MAX 16  /* hosts in a source route; they are read and ignored (appendix C) */

/* ---- lines ---------------------------------------------------------------------------- */

enum smtp_token {
    SMTP_MORE,    /* no whole token yet; nothing is taken */
    SMTP_LINE,    /* a line; its CRLF is taken and left out of *text */
    SMTP_BARE_CR, /* ... and here the text before a CR without LF */
    SMTP_BARE_LF, /* ... before an LF without CR */
    SMTP_NUL,     /* ... before a NUL */
    SMTP_LONG,    /* SMTP_LINE_MAX octets and no end of the line: they are taken */
};

/* The first token of `in`; *text points into it, *taken says how many bytes the token has. Keeps no state:
 * offer the same bytes with more behind them after SMTP_MORE. */
enum smtp_token smtp_split(struct span in, struct span *text, size_t *taken);

/* A command line: the verb, and what follows its first space, without spaces at either end (RFC 5321 4.1.1
 * asks to tolerate trailing ones). */
struct smtp_command {
    struct span verb, argument;
};
struct smtp_command smtp_parse_command(struct span line);

/* ---- paths and parameters --------------------------------------------------------------- */

struct smtp_path {
    bool null;                    /* "<>": the reverse-path of reports */
    bool literal;                 /* the domain is an address literal; it keeps its brackets */
    uint8_t local[SMTP_PATH_MAX]; /* without its quoting */
    size_t local_len;
    struct span domain; /* in the input; empty only for <Postmaster> */
};

static inline struct span smtp_path_local(const struct smtp_path *p)
{
    return span_of(p->local, p->local_len);
}

/* Reverse-path of MAIL: "<>" or "<" [source route ":"] mailbox ">" (RFC 5321 4.1.2). Reads up to the ">";
 * false (and the reader failed) for anything else. Octets above 127 are not in the grammar. */
bool smtp_read_reverse_path(struct reader *r, struct smtp_path *out);
/* Forward-path of RCPT: the same without "<>", with "<Postmaster>" (RFC 5321 4.1.1.3). */
bool smtp_read_forward_path(struct reader *r, struct smtp_path *out);
/* Mailbox alone, Local-part "@" (Domain / address-literal). */
bool smtp_read_mailbox(struct reader *r, struct smtp_path *out);
/* The whole span is a Domain (RFC 5321 4.1.2). */
bool smtp_is_domain(struct span s);
/* The whole span is an address literal, "[192.0.2.1]" or "[IPv6:2001:db8::1]" (4.1.3). */
bool smtp_is_address_literal(struct span s);
/* The whole span is a Dot-string: a local part that needs no quotes. */
bool smtp_is_dot_string(struct span s);
/* Local-part "@" domain with quotes where the local part needs them; an empty domain is left out with its
 * "@". */
void smtp_write_mailbox(struct writer *w, struct span local, struct span domain);

struct smtp_param {
    struct span keyword, value; /* value is empty without "=" */
    bool has_value;
};
enum smtp_param_kind { SMTP_PARAM, SMTP_PARAM_END, SMTP_PARAM_BAD };
/* The next of *(SP esmtp-param) (RFC 5321 4.1.2); several spaces are tolerated. */
enum smtp_param_kind smtp_read_param(struct reader *r, struct smtp_param *out);

/* Delivery status notifications, RFC 3461. */
enum smtp_notify { /* 4.1; 0: not said */
                   SMTP_NOTIFY_NEVER = 1 << 0,
                   SMTP_NOTIFY_SUCCESS = 1 << 1,
                   SMTP_NOTIFY_FAILURE = 1 << 2,
                   SMTP_NOTIFY_DELAY = 1 << 3,
};
enum smtp_ret { SMTP_RET_UNSAID, SMTP_RET_FULL, SMTP_RET_HDRS }; /* 4.3 */
#define SMTP_ENVID_MAX 100                                       /* 4.4, as xtext */
#define SMTP_ORCPT_MAX 500                                       /* 4.2, type and xtext */

/* NEVER alone, or a list of the three others, each once or more; false for anything else. */
bool smtp_parse_notify(struct span value, unsigned *out);
void smtp_write_notify(struct writer *w, unsigned notify);
/* RFC 3461 4: what is not printable, "+" and "=" becomes +XX. Reading: false for what is no xtext. */
void smtp_write_xtext(struct writer *w, struct span s);
bool smtp_read_xtext(struct span s, struct writer *out);

/* ---- message text ----------------------------------------------------------------------- */

/* Undoes the transparency of RFC 5321 4.5.2. Set to zero it is at the start of a text; feed it in any pieces.
 */
struct smtp_dot_decoder {
    enum { SMTP_DOT_START, SMTP_DOT_DOT, SMTP_DOT_DOT_CR, SMTP_DOT_TEXT, SMTP_DOT_CR } at;
    bool bare_cr, bare_lf, nul; /* what the text must not contain was met; from there on nothing is written */
};
enum smtp_dot { SMTP_DOT_MORE, SMTP_DOT_END };
/* Writes the text, CRLF at its line ends, into `out`. Stops where the input or the room ends (SMTP_DOT_MORE)
 * or behind the final CRLF "." CRLF (SMTP_DOT_END); *taken bytes of `in` were used. Needs a room of 2 to go
 * on. */
enum smtp_dot smtp_dot_decode(struct smtp_dot_decoder *d, struct span in, struct writer *out, size_t *taken);

/* Does it, for the sender. Set to zero it is at the start of a text. An LF alone becomes CRLF (text files
 * have such), a CR alone or a NUL becomes a space: nothing bare ever goes out. */
struct smtp_dot_encoder {
    bool within_line, after_cr;
};
/* Returns how many bytes of `in` were used; fewer than all when the room ends. */
size_t smtp_dot_encode(struct smtp_dot_encoder *e, struct span in, struct writer *out);
/* The end of the text: CRLF when a line is open, then "." CRLF; at most 5 bytes. */
void smtp_dot_finish(struct smtp_dot_encoder *e, struct writer *out);

/* ---- replies ---------------------------------------------------------------------------- */

/* One line "250 text" or, when more follow, "250-text", with CRLF. A text that would pass SMTP_REPLY_LINE_MAX
 * is cut; bytes that are not printable ASCII become "?". */
void smtp_write_reply_line(struct writer *w, unsigned code, bool last, struct span text);

struct smtp_reply {
    unsigned code; /* 200 .. 599 */
    size_t count;
    struct span lines[SMTP_REPLY_LINES_MAX]; /* in the input, without code, separator and CRLF */
};
enum smtp_parsed { SMTP_PARSED, SMTP_PARSE_MORE, SMTP_PARSE_BAD };
/* A whole reply with all its lines (RFC 5321 4.2); *taken says how many bytes it has. Bad: another code in a
 * later line, no digits, too many lines, a line over SMTP_LINE_MAX, anything bare. */
enum smtp_parsed smtp_parse_reply(struct span in, struct smtp_reply *out, size_t *taken);

/* "2.1.5 Ok": the code of RFC 3463 at the front of a reply's text. */
struct smtp_enhanced {
    unsigned class, subject, detail;
};
/* False when the text does not begin with one; *rest is what follows it. */
bool smtp_parse_enhanced(struct span text, struct smtp_enhanced *out, struct span *rest);

#endif
