#include "tls.h"

#include "clock.h"
#include "endpoint.h"
#include "store.h"
#include "text.h"

#include <errno.h>
#include <fcntl.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>
#include <unistd.h>

#define CA_DAYS          3650
#define CERTIFICATE_DAYS 397 /* the longest that browsers accept */
#define RENEW_DAYS       30  /* a lab certificate that ends sooner is made anew at the start */
#define PATH_BYTES       4096
#define NAME_BYTES       256
#define DAY_S            86400L
#define PROTOCOL_BYTES   32

struct tls_home {
    char directory[PATH_BYTES];
    char ca_path[PATH_BYTES + 16];
    FILE *keylog;
};

struct named_context {
    char name[NAME_BYTES];
    struct tls_context *context;
    struct named_context *next;
};

struct tls_context {
    SSL_CTX *ssl;
    unsigned char protocol[PROTOCOL_BYTES]; /* length octet and name, as in ALPN; empty: HTTP */
    struct named_context *names;
    unsigned holders; /* beside the first one */
};

/* A key and the certificate that goes with it. */
struct identity {
    EVP_PKEY *key;
    X509 *certificate;
};

static void identity_free(struct identity *i)
{
    EVP_PKEY_free(i->key);
    X509_free(i->certificate);
    *i = (struct identity){ 0 };
}

static bool tls_problem(struct problem *p, const char *doing)
{
    const char *why = ERR_reason_error_string(ERR_peek_last_error());
    problem_set(p, "TLS: cannot %s: %s", doing, why ? why : strerror(errno));
    ERR_clear_error();
    return false;
}

struct tls_home *tls_home_open(const char *state_directory, const char *keylog_path)
{
    struct tls_home *h = calloc(1, sizeof *h);
    if (!h)
        return NULL;
    snprintf(h->directory, sizeof h->directory, "%s/tls", state_directory);
    snprintf(h->ca_path, sizeof h->ca_path, "%s/ca.pem", h->directory);
    if (keylog_path)
        h->keylog = fopen(keylog_path, "ae");
    return h;
}

void tls_home_close(struct tls_home *h)
{
    if (!h)
        return;
    if (h->keylog)
        fclose(h->keylog);
    free(h);
}

const char *tls_home_ca_path(const struct tls_home *h)
{
    return h->ca_path;
}

/* ---- the lab's authority ------------------------------------------------------------------ */

static bool read_identity(const char *key_path, const char *certificate_path, struct identity *out)
{
    FILE *key = fopen(key_path, "re"), *certificate = fopen(certificate_path, "re");
    *out = (struct identity){ 0 };
    if (key)
        out->key = PEM_read_PrivateKey(key, NULL, NULL, NULL);
    if (certificate)
        out->certificate = PEM_read_X509(certificate, NULL, NULL, NULL);
    if (key)
        fclose(key);
    if (certificate)
        fclose(certificate);
    if (out->key && out->certificate && X509_check_private_key(out->certificate, out->key) == 1)
        return true;
    ERR_clear_error();
    identity_free(out);
    return false;
}

static bool write_pem(const char *path, BIO *pem, unsigned mode)
{
    char *at;
    long len = BIO_get_mem_data(pem, &at);
    return len > 0 && file_write_durably(path, span_of(at, (size_t)len), mode);
}

static bool write_identity(const char *key_path, const char *certificate_path, const struct identity *i)
{
    BIO *key = BIO_new(BIO_s_mem()), *certificate = BIO_new(BIO_s_mem());
    bool ok = key && certificate &&
              PEM_write_bio_PKCS8PrivateKey(key, i->key, NULL, NULL, 0, NULL, NULL) == 1 &&
              PEM_write_bio_X509(certificate, i->certificate) == 1 && write_pem(key_path, key, 0600) &&
              write_pem(certificate_path, certificate, 0644);
    BIO_free(key);
    BIO_free(certificate);
    return ok;
}

static bool add_extension(X509 *x, X509V3_CTX *context, int nid, const char *value)
{
    X509_EXTENSION *e = X509V3_EXT_conf_nid(NULL, context, nid, value);
    bool ok = e && X509_add_ext(x, e, -1) == 1;
    X509_EXTENSION_free(e);
    return ok;
}

static bool set_serial(X509 *x)
{
    uint64_t serial = entropy_u64() >> 1; /* positive: RFC 5280 4.1.2.2 */
    return ASN1_INTEGER_set_uint64(X509_get_serialNumber(x), serial ? serial : 1) == 1;
}

static bool set_life(X509 *x, struct now now, long days)
{
    time_t at = (time_t)(now.unix_ms / 1000);
    /* a day early, for clients whose clock is behind */
    return X509_time_adj_ex(X509_getm_notBefore(x), -1, 0, &at) &&
           X509_time_adj_ex(X509_getm_notAfter(x), (int)days, 0, &at);
}

static bool set_subject(X509 *x, const char *name)
{
    X509_NAME *subject = X509_get_subject_name(x);
    return X509_NAME_add_entry_by_txt(subject, "O", MBSTRING_UTF8, (const unsigned char *)"wirelab lab", -1,
                                      -1, 0) &&
           X509_NAME_add_entry_by_txt(subject, "CN", MBSTRING_UTF8, (const unsigned char *)name, -1, -1, 0);
}

/* A certificate for `name`, signed by `ca`, or by itself where it is the authority (ca == NULL). */
static bool make_identity(const struct identity *ca, const char *name, struct now now, struct identity *out)
{
    char alternative[NAME_BYTES + 40];
    struct address address;
    X509V3_CTX context;
    *out = (struct identity){ EVP_EC_gen("P-256"), X509_new() };
    X509 *x = out->certificate;
    bool is_address = address_parse(span_text(name), &address);
    /* whoever is asked for by this name is also asked for by its addresses */
    const char *addresses = strcmp(name, "localhost") == 0 ? ",IP:127.0.0.1,IP:::1" : "";
    snprintf(alternative, sizeof alternative, "%s:%s%s", is_address ? "IP" : "DNS", name, addresses);
    bool ok = out->key && x && X509_set_version(x, X509_VERSION_3) && set_serial(x) &&
              set_life(x, now, ca ? CERTIFICATE_DAYS : CA_DAYS) && set_subject(x, name) &&
              X509_set_pubkey(x, out->key) &&
              X509_set_issuer_name(x, X509_get_subject_name(ca ? ca->certificate : x));
    if (ok) {
        X509V3_set_ctx(&context, ca ? ca->certificate : x, x, NULL, NULL, 0);
        ok = add_extension(x, &context, NID_basic_constraints,
                           ca ? "critical,CA:FALSE" : "critical,CA:TRUE,pathlen:0") &&
             add_extension(x, &context, NID_key_usage,
                           ca ? "critical,digitalSignature" : "critical,keyCertSign,cRLSign") &&
             add_extension(x, &context, NID_subject_key_identifier, "hash") &&
             add_extension(x, &context, NID_authority_key_identifier, "keyid:always");
    }
    if (ok && ca)
        ok = add_extension(x, &context, NID_subject_alt_name, alternative) &&
             add_extension(x, &context, NID_ext_key_usage, "serverAuth,clientAuth");
    if (ok && X509_sign(x, ca ? ca->key : out->key, EVP_sha256()) > 0)
        return true;
    identity_free(out);
    return false;
}

static bool lives_on(const X509 *x, struct now now)
{
    time_t soon = (time_t)(now.unix_ms / 1000) + RENEW_DAYS * DAY_S;
    return X509_cmp_time(X509_get0_notAfter(x), &soon) > 0;
}

static bool issued_by(const struct identity *i, const struct identity *ca)
{
    return X509_verify(i->certificate, ca->key) == 1;
}

/* The kept identity when it is still good, else a new one, which is written. */
static bool keep_or_make(struct tls_home *h, const char *file, const char *name, const struct identity *ca,
                         struct now now, struct identity *out, struct problem *p)
{
    char key_path[PATH_BYTES + NAME_BYTES + 8], certificate_path[PATH_BYTES + NAME_BYTES + 8];
    snprintf(key_path, sizeof key_path, "%s/%s.key", h->directory, file);
    snprintf(certificate_path, sizeof certificate_path, "%s/%s.pem", h->directory, file);
    if (read_identity(key_path, certificate_path, out)) {
        if (lives_on(out->certificate, now) && (!ca || issued_by(out, ca)))
            return true;
        identity_free(out);
        ERR_clear_error();
    }
    if (!make_identity(ca, name, now, out))
        return tls_problem(p, "make a certificate");
    if (write_identity(key_path, certificate_path, out))
        return true;
    problem_set(p, "TLS: cannot write %s: %s", certificate_path, strerror(errno));
    problem_remedy(p, "the directory `state` must be writable");
    identity_free(out);
    return false;
}

/* A name as a file name: what could leave the directory or hide is replaced. */
static void file_of_name(const char *name, char out[NAME_BYTES])
{
    size_t i = 0;
    for (; name[i] && i + 1 < NAME_BYTES; i++) {
        bool plain = (name[i] >= 'a' && name[i] <= 'z') || (name[i] >= 'A' && name[i] <= 'Z') ||
                     (name[i] >= '0' && name[i] <= '9') || name[i] == '-' || (name[i] == '.' && i > 0);
        out[i] = plain ? name[i] : '_';
    }
    out[i] = 0;
}

static bool lab_identity(struct tls_home *h, const char *name, struct now now, SSL_CTX *ssl,
                         struct problem *p)
{
    struct identity ca, leaf;
    char file[NAME_BYTES];
    file_of_name(name, file);
    if (strcmp(file, "ca") == 0)
        snprintf(file, sizeof file, "ca_");
    if (mkdir(h->directory, 0755) != 0 && errno != EEXIST) {
        problem_set(p, "TLS: cannot make %s: %s", h->directory, strerror(errno));
        problem_remedy(p, "the directory `state` must exist and be writable");
        return false;
    }
    if (!keep_or_make(h, "ca", "wirelab lab CA", NULL, now, &ca, p))
        return false;
    bool ok = keep_or_make(h, file, name, &ca, now, &leaf, p);
    if (ok) {
        ok =
            SSL_CTX_use_certificate(ssl, leaf.certificate) == 1 && SSL_CTX_use_PrivateKey(ssl, leaf.key) == 1;
        if (!ok)
            tls_problem(p, "use the lab's certificate");
        identity_free(&leaf);
    }
    identity_free(&ca);
    return ok;
}

/* ---- contexts ---------------------------------------------------------------------------- */

static int home_slot(void)
{
    static int slot = -1;
    if (slot < 0)
        slot = SSL_CTX_get_ex_new_index(0, NULL, NULL, NULL, NULL);
    return slot;
}

/* RFC 9850: what Wireshark needs to decrypt. */
static void write_secret(const SSL *ssl, const char *line)
{
    struct tls_home *h = SSL_CTX_get_ex_data(SSL_get_SSL_CTX(ssl), home_slot());
    if (h && h->keylog) {
        fprintf(h->keylog, "%s\n", line);
        fflush(h->keylog);
    }
}

/* RFC 6066 3: another name's certificate, when there is one for the name that the client asks for. */
static int choose_by_name(SSL *ssl, int *alert, void *arg)
{
    const struct tls_context *t = arg;
    const char *asked = SSL_get_servername(ssl, TLSEXT_NAMETYPE_host_name);
    (void)alert;
    for (const struct named_context *n = asked ? t->names : NULL; n; n = n->next)
        if (strcasecmp(n->name, asked) == 0) {
            SSL_set_SSL_CTX(ssl, n->context->ssl);
            break;
        }
    return SSL_TLSEXT_ERR_OK;
}

/* RFC 7301: a client that offers only others goes on without ALPN. */
static int choose_protocol(SSL *ssl, const unsigned char **out, unsigned char *out_len,
                           const unsigned char *in, unsigned in_len, void *arg)
{
    static const unsigned char http[] = "\x08http/1.1";
    const struct tls_context *t = arg;
    const unsigned char *ours = t->protocol[0] ? t->protocol : http;
    unsigned char *chosen;
    (void)ssl;
    if (SSL_select_next_proto(&chosen, out_len, ours, ours[0] + 1U, in, in_len) != OPENSSL_NPN_NEGOTIATED)
        return SSL_TLSEXT_ERR_NOACK;
    *out = chosen;
    return SSL_TLSEXT_ERR_OK;
}

static bool file_identity(SSL_CTX *ssl, const char *certificate_path, const char *key_path, struct problem *p)
{
    if (SSL_CTX_use_certificate_chain_file(ssl, certificate_path) != 1) {
        tls_problem(p, "read the certificate");
        problem_remedy(p, "%s must be a PEM file with the certificate first, then its chain",
                       certificate_path);
        return false;
    }
    if (SSL_CTX_use_PrivateKey_file(ssl, key_path, SSL_FILETYPE_PEM) != 1 ||
        SSL_CTX_check_private_key(ssl) != 1) {
        tls_problem(p, "read the private key");
        problem_remedy(p, "%s must be the unencrypted PEM key of %s", key_path, certificate_path);
        return false;
    }
    return true;
}

static SSL_CTX *new_ssl_context(struct tls_home *h, struct tls_context *t)
{
    SSL_CTX *ssl = SSL_CTX_new(TLS_server_method());
    if (!ssl)
        return NULL;
    SSL_CTX_set_min_proto_version(ssl, TLS1_2_VERSION); /* RFC 8996 */
    SSL_CTX_set_options(ssl, SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_COMPRESSION |
                                 SSL_OP_CIPHER_SERVER_PREFERENCE | SSL_OP_IGNORE_UNEXPECTED_EOF);
    SSL_CTX_set_ex_data(ssl, home_slot(), h);
    if (h->keylog)
        SSL_CTX_set_keylog_callback(ssl, write_secret);
    SSL_CTX_set_alpn_select_cb(ssl, choose_protocol, t);
    SSL_CTX_set_tlsext_servername_callback(ssl, choose_by_name);
    SSL_CTX_set_tlsext_servername_arg(ssl, t);
    return ssl;
}

struct tls_context *tls_server_context(struct tls_home *h, const char *name, const char *certificate_path,
                                       const char *key_path, struct now now, struct problem *p)
{
    struct tls_context *t = calloc(1, sizeof *t);
    if (!t) {
        problem_set(p, "out of memory");
        return NULL;
    }
    t->ssl = new_ssl_context(h, t);
    bool ok = t->ssl != NULL;
    if (!ok)
        tls_problem(p, "make a context");
    else if (certificate_path)
        ok = file_identity(t->ssl, certificate_path, key_path ? key_path : certificate_path, p);
    else
        ok = lab_identity(h, name, now, t->ssl, p);
    if (ok)
        return t;
    tls_context_close(t);
    return NULL;
}

struct tls_context *tls_client_context(struct tls_home *h, const char *ca_path, struct problem *p)
{
    struct tls_context *t = calloc(1, sizeof *t);
    if (!t) {
        problem_set(p, "out of memory");
        return NULL;
    }
    t->ssl = SSL_CTX_new(TLS_client_method());
    if (!t->ssl || (ca_path && SSL_CTX_load_verify_file(t->ssl, ca_path) != 1)) {
        tls_problem(p, ca_path ? "read the authorities" : "make a context");
        if (ca_path)
            problem_remedy(p, "%s must be a PEM file with the certificates that are to be trusted", ca_path);
        tls_context_close(t);
        return NULL;
    }
    SSL_CTX_set_min_proto_version(t->ssl, TLS1_2_VERSION); /* RFC 8996 */
    SSL_CTX_set_options(t->ssl,
                        SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_COMPRESSION | SSL_OP_IGNORE_UNEXPECTED_EOF);
    SSL_CTX_set_verify(t->ssl, ca_path ? SSL_VERIFY_PEER : SSL_VERIFY_NONE, NULL);
    SSL_CTX_set_ex_data(t->ssl, home_slot(), h);
    if (h && h->keylog)
        SSL_CTX_set_keylog_callback(t->ssl, write_secret);
    return t;
}

void tls_context_speak(struct tls_context *t, const char *protocol)
{
    struct writer w = writer_over(t->protocol, sizeof t->protocol);
    struct mark length = write_length8(&w);
    write_text(&w, protocol);
    close_length8(&w, length);
    SSL_CTX_set_alpn_protos(t->ssl, t->protocol, (unsigned)writer_length(&w)); /* a client's */
}

void tls_context_newest(struct tls_context *t)
{
    SSL_CTX_set_min_proto_version(t->ssl, TLS1_3_VERSION);
}

void tls_context_add_name(struct tls_context *t, const char *name, struct tls_context *other)
{
    struct named_context *n = calloc(1, sizeof *n);
    if (!n) { /* the name is then answered with the first certificate */
        tls_context_close(other);
        return;
    }
    snprintf(n->name, sizeof n->name, "%s", name);
    n->context = other;
    n->next = t->names;
    t->names = n;
}

struct tls_context *tls_context_hold(struct tls_context *t)
{
    t->holders++;
    return t;
}

void tls_context_close(struct tls_context *t)
{
    if (!t || t->holders--)
        return;
    for (struct named_context *n = t->names, *next; n; n = next) {
        next = n->next;
        tls_context_close(n->context);
        free(n);
    }
    SSL_CTX_free(t->ssl);
    free(t);
}

SSL_CTX *tls_context_ssl(struct tls_context *t)
{
    return t->ssl;
}
