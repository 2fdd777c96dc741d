// Engine, kernels, and their memory.
#include "internal.h"
#include <dlfcn.h>
#include <stdio.h>
#include <stdlib.h>

int graft_engine_create(graft_engine **engine) {
    graft_engine *made = calloc(1, sizeof *made);
    if (!made) return dnnl_out_of_memory;
    dnnl_status_t status = dnnl_engine_create(&made->engine, dnnl_cpu, 0);
    if (status == dnnl_success) status = dnnl_stream_create(&made->stream, made->engine, dnnl_stream_default_flags);
    if (status != dnnl_success) {
        graft_engine_destroy(made);
        return (int)status;
    }
    *engine = made;
    return dnnl_success;
}

void graft_engine_destroy(graft_engine *engine) {
    if (!engine) return;
    if (engine->stream) dnnl_stream_destroy(engine->stream);
    if (engine->engine) dnnl_engine_destroy(engine->engine);
    free(engine);
}

dnnl_data_type_t graft_data_type(graft_type type) {
    switch (type) {
    case graft_float32: return dnnl_f32;
    case graft_bfloat16: return dnnl_bf16;
    case graft_int8: return dnnl_s8;
    case graft_uint8: return dnnl_u8;
    case graft_int32: return dnnl_s32;
    }
    return dnnl_f32;
}

static int describe(dnnl_memory_desc_t *descriptor, int rank, const dnnl_dims_t extents, dnnl_data_type_t type,
                    dnnl_format_tag_t tag) {
#if DNNL_VERSION_MAJOR >= 3
    return (int)dnnl_memory_desc_create_with_tag(descriptor, rank, extents, type, tag);
#else
    return (int)dnnl_memory_desc_init_by_tag(descriptor, rank, extents, type, tag);
#endif
}

int graft_activation_descriptor(dnnl_memory_desc_t *descriptor, int64_t images, int64_t channels, int64_t height, int64_t width,
                                graft_type type) {
    dnnl_dims_t extents = {images, channels, height, width};
    return describe(descriptor, 4, extents, graft_data_type(type), dnnl_nhwc);
}

int graft_weight_descriptor(dnnl_memory_desc_t *descriptor, const graft_geometry *g, graft_type type, int plain) {
    if (g->groups > 1) {
        dnnl_dims_t extents = {g->groups, g->out_channels / g->groups, g->in_channels / g->groups, g->kernel_height, g->kernel_width};
        return describe(descriptor, 5, extents, graft_data_type(type), plain ? dnnl_goihw : dnnl_format_tag_any);
    }
    dnnl_dims_t extents = {g->out_channels, g->in_channels, g->kernel_height, g->kernel_width};
    return describe(descriptor, 4, extents, graft_data_type(type), plain ? dnnl_oihw : dnnl_format_tag_any);
}

int graft_attributes(dnnl_primitive_attr_t *attributes) {
    GRAFT_TRY(dnnl_primitive_attr_create(attributes));
    return (int)dnnl_primitive_attr_set_scratchpad_mode(*attributes, dnnl_scratchpad_mode_user);
}

static graft_md query(const graft_kernel *kernel, int argument) {
    return dnnl_primitive_desc_query_md(kernel->descriptor, dnnl_query_exec_arg_md, argument);
}

static size_t described_bytes(graft_md descriptor) {
    return descriptor ? dnnl_memory_desc_get_size(descriptor) : 0;
}

int graft_kernel_create(graft_engine *engine, dnnl_primitive_desc_t descriptor, const graft_role *roles, const int *arguments,
                        int count, graft_kernel **kernel) {
    graft_kernel *made = calloc(1, sizeof *made);
    if (!made) {
        dnnl_primitive_desc_destroy(descriptor);
        return dnnl_out_of_memory;
    }
    made->descriptor = descriptor;
    for (int role = 0; role < graft_role_count; role++) made->slot[role] = -1;
    dnnl_status_t status = dnnl_primitive_create(&made->primitive, descriptor);
    for (int i = 0; i <= count && status == dnnl_success; i++) {
        // One more than the caller lists: every primitive may want a scratchpad.
        graft_role role = i < count ? roles[i] : graft_scratchpad;
        int argument = i < count ? arguments[i] : DNNL_ARG_SCRATCHPAD;
        graft_md wanted = query(made, argument);
        if (!described_bytes(wanted)) continue;
        dnnl_memory_t memory;
        status = dnnl_memory_create(&memory, wanted, engine->engine, DNNL_MEMORY_NONE);
        if (status != dnnl_success) break;
        made->slot[role] = made->argument_count;
        made->arguments[made->argument_count++] = (dnnl_exec_arg_t){argument, memory};
    }
    if (status != dnnl_success) {
        graft_kernel_destroy(made);
        return (int)status;
    }
    dnnl_primitive_desc_query(descriptor, dnnl_query_impl_info_str, 0, &made->implementation);
    *kernel = made;
    return dnnl_success;
}

static graft_md descriptor_of(const graft_kernel *kernel, graft_role role) {
    int slot = kernel->slot[role];
    if (slot < 0) return NULL;
#if DNNL_VERSION_MAJOR >= 3
    const_dnnl_memory_desc_t descriptor = NULL;
#else
    const dnnl_memory_desc_t *descriptor = NULL;
#endif
    return dnnl_memory_get_memory_desc(kernel->arguments[slot].memory, &descriptor) == dnnl_success ? descriptor : NULL;
}

size_t graft_kernel_bytes(const graft_kernel *kernel, graft_role role) {
    return described_bytes(descriptor_of(kernel, role));
}

void graft_kernel_bind(graft_kernel *kernel, graft_role role, void *address) {
    int slot = kernel->slot[role];
    if (slot >= 0) dnnl_memory_set_data_handle(kernel->arguments[slot].memory, address);
}

int graft_kernel_run(graft_engine *engine, graft_kernel *kernel) {
    return (int)dnnl_primitive_execute(kernel->primitive, engine->stream, kernel->argument_count, kernel->arguments);
}

const char *graft_kernel_implementation(const graft_kernel *kernel) {
    return kernel->implementation ? kernel->implementation : "unknown";
}

void graft_kernel_destroy(graft_kernel *kernel) {
    if (!kernel) return;
    for (int i = 0; i < kernel->argument_count; i++) dnnl_memory_destroy(kernel->arguments[i].memory);
    free(kernel->scales);
    if (kernel->primitive) dnnl_primitive_destroy(kernel->primitive);
    if (kernel->descriptor) dnnl_primitive_desc_destroy(kernel->descriptor);
    free(kernel);
}

static int reorder(graft_engine *engine, graft_md from, graft_md to, graft_kernel **kernel) {
    dnnl_primitive_attr_t attributes;
    GRAFT_TRY(graft_attributes(&attributes));
    dnnl_primitive_desc_t descriptor;
    dnnl_status_t status = dnnl_reorder_primitive_desc_create(&descriptor, from, engine->engine, to, engine->engine, attributes);
    dnnl_primitive_attr_destroy(attributes);
    if (status != dnnl_success) return (int)status;
    graft_role roles[] = {graft_source, graft_destination};
    int arguments[] = {DNNL_ARG_FROM, DNNL_ARG_TO};
    return graft_kernel_create(engine, descriptor, roles, arguments, 2, kernel);
}

int graft_pack_weights(graft_engine *engine, const graft_geometry *geometry, const graft_kernel *kernel, graft_type plain,
                       graft_kernel **packing) {
    dnnl_memory_desc_t from;
    GRAFT_TRY(graft_weight_descriptor(&from, geometry, plain, 1));
    int status = reorder(engine, GRAFT_REF(from), descriptor_of(kernel, graft_weights), packing);
    GRAFT_DROP(from);
    return status;
}

int graft_unpack_weight_gradient(graft_engine *engine, const graft_geometry *geometry, const graft_kernel *kernel,
                                 graft_kernel **unpacking) {
    dnnl_memory_desc_t plain;
    GRAFT_TRY(graft_weight_descriptor(&plain, geometry, graft_float32, 1));
    int status = reorder(engine, descriptor_of(kernel, graft_weights_gradient), GRAFT_REF(plain), unpacking);
    GRAFT_DROP(plain);
    return status;
}

int graft_same_weight_format(const graft_kernel *first, const graft_kernel *second) {
    graft_md one = descriptor_of(first, graft_weights), other = descriptor_of(second, graft_weights);
    return one && other && dnnl_memory_desc_equal(one, other);
}

int graft_weight_gradient_is_plain(graft_engine *engine, const graft_geometry *geometry, const graft_kernel *kernel) {
    (void)engine;
    dnnl_memory_desc_t plain;
    if (graft_weight_descriptor(&plain, geometry, graft_float32, 1) != dnnl_success) return 0;
    graft_md own = descriptor_of(kernel, graft_weights_gradient);
    int equal = own && dnnl_memory_desc_equal(own, GRAFT_REF(plain));
    GRAFT_DROP(plain);
    return equal;
}

void graft_set_threads(int count) {
    // libgomp comes with libdnnl; asking the loader for its one function saves linking against a compiler's private folder.
    void (*set)(int) = (void (*)(int))dlsym(RTLD_DEFAULT, "omp_set_num_threads");
    if (set) set(count);
}

static void run_body(void *body) { ((void (*)(void))body)(); }

void graft_on_every_thread(int count, void (*body)(void)) {
    // The threads that run primitives are those of the OpenMP team that this thread leads; GOMP_parallel is how compilers reach it.
    void (*parallel)(void (*)(void *), void *, unsigned, unsigned) =
        (void (*)(void (*)(void *), void *, unsigned, unsigned))dlsym(RTLD_DEFAULT, "GOMP_parallel");
    if (parallel && count > 1) return parallel(run_body, (void *)body, (unsigned)count, 0);
    body();
}

void graft_version(char *text, size_t capacity) {
    const dnnl_version_t *version = dnnl_version();
    snprintf(text, capacity, "%d.%d.%d", version->major, version->minor, version->patch);
}
