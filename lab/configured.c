#include "configured.h"

#include "daemon.h"

int configured(const char *path, configured_fn *run, void *words)
{
    struct config *c = config_read_file(path, daemon_root_keys());
    if (!c)
        return EXIT_RUNNING;
    int code = EXIT_WRONG_USE;
    if (config_ok(c))
        code = run(config_root(c), words);
    else
        config_print_problems(c, stderr);
    config_close(c);
    return code;
}
