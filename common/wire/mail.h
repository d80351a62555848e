/* The lines that a mail server adds to a message (RFC 5321 4.4), and its form in a file. Pure. */
#ifndef WIRELAB_WIRE_MAIL_H
#define WIRELAB_WIRE_MAIL_H

#include "wire.h"

/* What is known of a message's way to us. */
struct mail_trace {
    struct span helo;      /* as the client called itself in EHLO or HELO */
    struct span client;    /* its address as text, "192.0.2.1" or "2001:db8::1" */
    struct span host;      /* our name */
    struct span agent;     /* what stands in parentheses behind it; without parentheses of its own */
    struct span protocol;  /* "SMTP", "ESMTP", "ESMTPS" (RFC 3848); empty: it did not come, we wrote it */
    struct span id;        /* ours for the message */
    struct span sender;    /* reverse-path without brackets; empty for "<>" */
    struct span recipient; /* forward-path without brackets; empty: it is left out (RFC 5321 7.2) */
    int64_t received_unix_ms;
};

#define MAIL_TRACE_MAX 2048 /* the longest trace there can be with paths and names within their bounds */

/* Return-Path, Delivered-To (RFC 9228) and Received, folded, with CRLF. */
void mail_write_trace(struct writer *w, const struct mail_trace *t);
/* The time-stamp line alone; none for what we wrote. */
void mail_write_received(struct writer *w, const struct mail_trace *t);

/* Reads a message as it comes, in any pieces: how many hosts it has passed (RFC 5321 6.3), and whether it has
 * octets above 127. Set to zero it is at the start. */
struct mail_scan {
    bool body, eight_bit;
    size_t column, matched, hops; /* hops: Received lines of the header */
};
void mail_scan(struct mail_scan *s, struct span text);
#define MAIL_HOPS_MAX 100 /* RFC 5321 6.3: a message that has passed more is going round in a circle */

/* The header of a message without the empty line behind it; all of it when there is no body. */
struct span mail_header(struct span text);

/* A text with CRLF line ends as files have it, with LF: leaves the CRs out, which a text that was received by
 * smtp_dot_decode() has in no other place. */
void mail_write_as_file(struct writer *w, struct span text);

#endif
