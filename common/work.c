#include "work.h"

static void run(uv_work_t *request)
{
    struct work *w = request->data;
    w->run(w);
}

static void done(uv_work_t *request, int status)
{
    struct work *w = request->data;
    (void)status; /* only uv_cancel() makes it anything but 0 */
    w->loop->works--;
    w->done(w);
}

void work_start(struct loop *l, struct work *w)
{
    w->request.data = w;
    w->loop = l;
    l->works++;
    uv_queue_work(&l->uv, &w->request, run, done); /* fails only without `run` */
}
