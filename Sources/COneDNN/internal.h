// What the files of this target share: a kernel's inside, and one spelling for what oneDNN 2.x and 3.x spell differently.
#pragma once
#include "COneDNN.h"
#include <dnnl.h>

#if DNNL_VERSION_MAJOR >= 3
// An opaque pointer that must be destroyed.
typedef const_dnnl_memory_desc_t graft_md;
#define GRAFT_REF(descriptor) (descriptor)
#define GRAFT_DROP(descriptor) dnnl_memory_desc_destroy(descriptor)
#else
// A plain struct, passed by address.
typedef const dnnl_memory_desc_t *graft_md;
#define GRAFT_REF(descriptor) (&(descriptor))
#define GRAFT_DROP(descriptor) ((void)(descriptor))
#endif

/// Leaves the enclosing function with the status if a call fails.
#define GRAFT_TRY(call) do { dnnl_status_t graft_status = (call); if (graft_status != dnnl_success) return (int)graft_status; } while (0)

struct graft_engine {
    dnnl_engine_t engine;
    dnnl_stream_t stream;
};

struct graft_kernel {
    dnnl_primitive_desc_t descriptor;
    dnnl_primitive_t primitive;
    /// One more than there are roles, for the scales of oneDNN 3.x.
    dnnl_exec_arg_t arguments[graft_role_count + 1];
    int argument_count;
    /// Index into `arguments` for each role, or -1.
    int slot[graft_role_count];
    const char *implementation;
    /// What oneDNN 3.x reads at every run; null elsewhere.
    float *scales;
};

dnnl_data_type_t graft_data_type(graft_type type);
/// A descriptor of an NHWC activation.
int graft_activation_descriptor(dnnl_memory_desc_t *descriptor, int64_t images, int64_t channels, int64_t height, int64_t width,
                                graft_type type);
/// A descriptor of weights: plain, or `any` for the primitive to choose.
int graft_weight_descriptor(dnnl_memory_desc_t *descriptor, const graft_geometry *geometry, graft_type type, int plain);
/// Attributes with a scratchpad that the caller brings.
int graft_attributes(dnnl_primitive_attr_t *attributes);
/// Makes a kernel of a primitive descriptor, which it takes over. `roles[i]` is bound to oneDNN's argument `arguments[i]`, with the
/// descriptor that the primitive reports for it.
int graft_kernel_create(graft_engine *engine, dnnl_primitive_desc_t descriptor, const graft_role *roles, const int *arguments,
                        int count, graft_kernel **kernel);
