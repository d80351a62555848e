/* The name of a leased address in the DNS: the updates that put it there and take it away (RFC 2136), so that
 * no client takes another one's name (RFC 4703). Pure: one message at a time, and what its answer means. */
#ifndef WIRELAB_DHCPD_NAME_UPDATE_H
#define WIRELAB_DHCPD_NAME_UPDATE_H

#include "endpoint.h"
#include "wire/dns.h"

#define NAME_UPDATE_BYTES_MAX 1024 /* four names at their longest, and what stands between them */
#define NAME_DHCID_BYTES      35   /* RFC 4701 3.1: type of identifier, of digest, SHA-256 */
#define NAME_LABEL_MAX        63

/* What is to be done for one lease. */
struct name_task {
    bool add;             /* else: take away */
    struct dns_name name; /* the client's, and the zone that it is in */
    struct dns_name zone;
    struct dns_name reverse; /* the address's, and its zone; of no length: not wanted */
    struct dns_name reverse_zone;
    struct address address;
    uint32_t ttl_s;
    uint8_t dhcid[NAME_DHCID_BYTES]; /* whose name it is */
};

/* The messages of a task, in their order. */
enum name_step {
    NAME_CLAIM,      /* the name, if nobody has it */
    NAME_RENEW,      /* the name, if it is this client's already */
    NAME_REVERSE,    /* the address's name */
    NAME_DROP,       /* the address from the name, if that is this client's */
    NAME_DROP_OWNER, /* the name, if it has no address of either family any more (RFC 4703 5.4) */
    NAME_DROP_REVERSE,
    NAME_DONE,
    NAME_TAKEN, /* the end: somebody else has the name */
    NAME_FAILED /* the end: the server does not do it */
};

/* The first label of a client's name, in lower case, as that of a host can be (RFC 1123 2.1): a run of other
 * characters is one hyphen. Into label; its length, 0 when nothing is left of it. */
size_t name_label(struct span client_name, char label[NAME_LABEL_MAX]);
/* LABEL.ZONE; false when that is too long. */
bool name_in_zone(struct dns_name *out, const char *label, size_t label_len, const struct dns_name *zone);
/* RFC 4701 3.3-3.5: of the client identifier, or of htype and hardware address, and the name. */
void name_dhcid(uint8_t out[NAME_DHCID_BYTES], struct span client_id, struct span hardware,
                const struct dns_name *name);
/* The same of a DHCPv6 client, and of one that has the same DUID in its client identifier (RFC 4361). */
void name_dhcid_of_duid(uint8_t out[NAME_DHCID_BYTES], struct span duid, const struct dns_name *name);

enum name_step name_first(const struct name_task *t);
/* The message of a step that is not an end, into an empty writer; its identifier is 0. */
void name_update_write(struct writer *w, const struct name_task *t, enum name_step step);
/* What comes after this answer. */
enum name_step name_next(const struct name_task *t, enum name_step step, enum dns_rcode rcode);

#endif
