/* Any bytes as a configuration file: problems or values, never more. */
#include "config.h"
#include "daemon.h"

#include <stdio.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static FILE *nowhere;
    if (!nowhere)
        nowhere = fopen("/dev/null", "w");
    struct config *c = config_read_text(span_of(data, size), "fuzz.conf", daemon_root_keys());
    if (!c)
        return 0;
    config_print_problems(c, nowhere);
    if (config_ok(c))
        config_print_effective(c, nowhere);
    config_close(c);
    return 0;
}
