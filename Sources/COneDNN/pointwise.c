// The weight gradient of a 1×1 convolution as one product of matrices, which oneDNN does faster than as a convolution
// where there are many channels (the binder knows when).
#include "internal.h"

static int matrix(dnnl_memory_desc_t *descriptor, int64_t rows, int64_t columns, graft_type type, int transposed) {
    dnnl_dims_t extents = {rows, columns};
#if DNNL_VERSION_MAJOR >= 3
    return (int)dnnl_memory_desc_create_with_tag(descriptor, 2, extents, graft_data_type(type), transposed ? dnnl_ba : dnnl_ab);
#else
    return (int)dnnl_memory_desc_init_by_tag(descriptor, 2, extents, graft_data_type(type), transposed ? dnnl_ba : dnnl_ab);
#endif
}

int graft_pointwise_backward_weights(graft_engine *engine, int64_t pixels, int64_t in_channels, int64_t out_channels,
                                     graft_type type, graft_kernel **kernel) {
    dnnl_memory_desc_t gradient, source, weights;
    GRAFT_TRY(matrix(&gradient, out_channels, pixels, type, 1));
    GRAFT_TRY(matrix(&source, pixels, in_channels, type, 0));
    GRAFT_TRY(matrix(&weights, out_channels, in_channels, graft_float32, 0));
    dnnl_primitive_attr_t attributes;
    GRAFT_TRY(graft_attributes(&attributes));
    dnnl_primitive_desc_t descriptor;
#if DNNL_VERSION_MAJOR >= 3
    int status = (int)dnnl_matmul_primitive_desc_create(&descriptor, engine->engine, gradient, source, NULL, weights, attributes);
#else
    dnnl_matmul_desc_t operation;
    int status = (int)dnnl_matmul_desc_init(&operation, &gradient, &source, NULL, &weights);
    if (status == dnnl_success) status = (int)dnnl_primitive_desc_create(&descriptor, &operation, attributes, engine->engine, NULL);
#endif
    dnnl_primitive_attr_destroy(attributes);
    GRAFT_DROP(gradient);
    GRAFT_DROP(source);
    GRAFT_DROP(weights);
    if (status != dnnl_success) return status;
    graft_role roles[] = {graft_destination_gradient, graft_source, graft_weights_gradient};
    int arguments[] = {DNNL_ARG_SRC, DNNL_ARG_WEIGHTS, DNNL_ARG_DST};
    return graft_kernel_create(engine, descriptor, roles, arguments, 3, kernel);
}
