#include "control.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

static struct control own_page;
static struct control *page = &own_page;
static pthread_once_t once = PTHREAD_ONCE_INIT;

static void open_page(void) {
    const char *path = getenv("FAULT_CONTROL");
    if (path == NULL) {
        return;
    }
    int fd = open(path, O_RDWR | O_CLOEXEC);
    if (fd < 0) {
        control_give_up(path);
    }
    void *mapped = mmap(NULL, CONTROL_SIZE, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    if (mapped == MAP_FAILED) {
        control_give_up(path);
    }
    close(fd);
    page = mapped;
}

struct control *control_page(void) {
    pthread_once(&once, open_page);
    return page;
}

void control_give_up(const char *what) {
    fprintf(stderr, "fault: %s: %s\n", what, strerror(errno));
    abort();
}
