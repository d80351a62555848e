#include "signing_key.h"

#include "copy.h"
#include "store.h"

#include <errno.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <stdio.h>
#include <sys/stat.h>

#define PATH_BYTES   4096
#define POINT_BYTES  (1 + DNSSEC_PUBLIC_BYTES) /* not compressed: a 4 before X and Y */
#define PRIVATE_MODE 0600
#define DIRECTORY    "dnsd/keys"

static bool make_directories(const char *state)
{
    char path[PATH_BYTES];
    mkdir(state, 0755); /* where they are there, nothing is to be done */
    snprintf(path, sizeof path, "%s/dnsd", state);
    mkdir(path, 0755);
    snprintf(path, sizeof path, "%s/" DIRECTORY, state);
    return mkdir(path, 0700) == 0 || errno == EEXIST;
}

/* The whole file or none of it: a key that was lost half-way is made anew, for nobody knows it yet. */
static bool write_key(const char *path, EVP_PKEY *pair)
{
    char *at;
    BIO *b = BIO_new(BIO_s_secmem());
    bool ok = b && PEM_write_bio_PrivateKey(b, pair, NULL, NULL, 0, NULL, NULL) == 1;
    long length = ok ? BIO_get_mem_data(b, &at) : 0;
    ok = length > 0 && file_write_durably(path, span_of(at, (size_t)length), PRIVATE_MODE);
    BIO_free(b);
    return ok;
}

static EVP_PKEY *make_key(const char *state, const char *path, struct problem *p)
{
    EVP_PKEY *pair = EVP_EC_gen("P-256");
    if (pair && make_directories(state) && write_key(path, pair))
        return pair;
    problem_set(p, "%s: the zone's key cannot be made: %s", path,
                pair ? strerror(errno) : "libcrypto refuses");
    problem_remedy(p, "the state directory has to be writable by the server");
    EVP_PKEY_free(pair);
    return NULL;
}

static bool describe(struct sign_key *k)
{
    uint8_t point[POINT_BYTES];
    size_t length = 0;
    struct writer w = writer_over(k->dnskey, sizeof k->dnskey);
    if (EVP_PKEY_get_octet_string_param(k->pair, "pub", point, sizeof point, &length) != 1 ||
        length != sizeof point)
        return false;
    write_dnskey(&w, DNSSEC_FLAGS_ZONE_KEY, span_from(span_of(point, length), 1));
    k->tag = dnssec_key_tag(writer_span(&w));
    return writer_ok(&w);
}

static EVP_PKEY *read_key(FILE *f, const char *path, struct problem *p)
{
    EVP_PKEY *pair = PEM_read_PrivateKey(f, NULL, NULL, NULL);
    fclose(f);
    if (!pair) {
        problem_set(p, "%s: no private key in PEM", path);
        ERR_clear_error(); /* it is told; who looks at the queue next is somebody else */
    }
    return pair;
}

bool signing_key_open(const char *state, const struct dns_name *zone, bool make, struct sign_key *k,
                      struct problem *p)
{
    char path[PATH_BYTES];
    *k = (struct sign_key){ 0 };
    copy_path(state, "", zone, DIRECTORY, "pem", path, sizeof path);
    FILE *f = fopen(path, "re");
    if (f)
        k->pair = read_key(f, path, p);
    else if (make && errno == ENOENT)
        k->pair = make_key(state, path, p);
    else
        problem_set(p, "%s: %s", path, strerror(errno));
    if (k->pair && !describe(k)) {
        problem_set(p, "%s: not a key of ECDSA with P-256", path);
        signing_key_close(k);
    }
    return k->pair;
}

void signing_key_close(struct sign_key *k)
{
    EVP_PKEY_free(k->pair);
    k->pair = NULL;
}
