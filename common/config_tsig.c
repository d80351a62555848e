#include "config_tsig.h"

#include "wire/mime.h"

#include <string.h>

#define SECRET_BYTES_LEAST 16 /* one that can be guessed is none */

const struct config_key config_tsig_keys[] = {
    { .name = "algorithm",
      .type = CONFIG_CHOICE,
      .choices = "hmac-sha256 hmac-sha384 hmac-sha512 hmac-sha1",
      .otherwise = "hmac-sha256",
      .help = "How messages are signed; the other side has to name the same. hmac-sha1 is taken from clients "
              "that know nothing better, and never used for requests of our own.",
      .example = "algorithm = hmac-sha512",
      .reference = "RFC 8945 6" },
    { .name = "secret",
      .type = CONFIG_TEXT,
      .flags = CONFIG_REQUIRED,
      .help = "What both sides know, in base64; `openssl rand -base64 32` makes one.",
      .example = "secret = \"AQIDBAUGBwgJCgsMDQ4PEBESExQVFhcYGRobHB0eHyA=\"" },
    { 0 },
};

void config_tsig_key(struct config *c, const struct config_section *s, struct tsig_key *k)
{
    struct dns_name name;
    struct writer w = writer_over(k->secret, sizeof k->secret);
    const struct config_value *title = config_title(s), *secret = config_value(s, "secret");
    const char *algorithm = config_text(s, "algorithm");
    const char *wrong = dns_name_from_text(span_text(title->text), NULL, &name);
    if (wrong) {
        config_problem(c, s, title, wrong, "\"%s\" is not a domain name", title->text);
        dns_name_root(&name);
    }
    dns_name_lower(&k->name, &name);
    k->algorithm = tsig_algorithm_named(span_text(algorithm ? algorithm : ""));
    if (!secret)
        return; /* said already */
    if (!mime_write_base64_strict(&w, span_text(secret->text)) || !writer_ok(&w))
        config_problem(c, s, secret, "openssl rand -base64 32", "the secret is no base64, or too long");
    else if (writer_length(&w) < SECRET_BYTES_LEAST)
        config_problem(c, s, secret, "openssl rand -base64 32", "the secret is too short to be one");
    k->secret_bytes = writer_length(&w);
}
