/* Any bytes as a signature, as DER, as the label of a hashed name, and as data that is to be signed: what was
 * read is written again as it was. */
#include "wire/dns_rdata.h"
#include "wire/dnssec.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void read_signature(struct span bytes)
{
    static uint8_t room[DNS_RDATA_BYTES_MAX];
    struct writer w = writer_over(room, sizeof room);
    struct rrsig s;
    if (!rrsig_read(bytes, &s))
        return;
    write_rrsig_head(&w, &s);
    write_span(&w, s.signature);
    if (writer_ok(&w) && !span_equal_nocase(writer_span(&w), bytes))
        abort();
}

static void read_label(struct span bytes)
{
    uint8_t hash[DNSSEC_HASH_BYTES];
    struct dns_name root, owner;
    dns_name_root(&root);
    if (nsec3_from_label(bytes, hash) &&
        (!nsec3_owner(hash, &root, &owner) || !span_equal_nocase(dns_name_label(&owner, 0), bytes)))
        abort();
}

/* The first two octets are the type. */
static void make_canonical(struct span bytes)
{
    static uint8_t room[DNS_RDATA_BYTES_MAX];
    struct reader r = reader_over(bytes);
    struct writer w = writer_over(room, sizeof room);
    uint16_t type = read_u16(&r);
    struct span rdata = read_rest(&r);
    write_canonical_rdata(&w, type, rdata);
    if (dns_rdata_is_plain(type, rdata) && writer_ok(&w) && !span_equal_nocase(writer_span(&w), rdata))
        abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    uint8_t signature[DNSSEC_SIGNATURE_BYTES];
    struct span bytes = span_of(data, size);
    dnssec_signature_from_der(bytes, signature);
    read_signature(bytes);
    read_label(bytes);
    make_canonical(bytes);
    return 0;
}
