// Pooling and local response normalisation, forward and backward.
#include "internal.h"

static dnnl_alg_kind_t algorithm(graft_pooling kind) {
    switch (kind) {
    case graft_max_pool: return dnnl_pooling_max;
    case graft_average_pool_inside: return dnnl_pooling_avg_exclude_padding;
    case graft_average_pool_padded: return dnnl_pooling_avg_include_padding;
    }
    return dnnl_pooling_max;
}

static int describe(dnnl_memory_desc_t *source, dnnl_memory_desc_t *destination, const graft_geometry *g, graft_type type) {
    GRAFT_TRY(graft_activation_descriptor(source, g->images, g->in_channels, g->in_height, g->in_width, type));
    return graft_activation_descriptor(destination, g->images, g->out_channels, g->out_height, g->out_width, type);
}

static int pooling_descriptor(graft_engine *engine, const graft_geometry *g, graft_pooling kind, dnnl_prop_kind_t propagation,
                              graft_md source, graft_md destination, dnnl_primitive_attr_t attributes,
                              dnnl_primitive_desc_t *descriptor) {
    dnnl_dims_t strides = {g->stride, g->stride}, window = {g->kernel_height, g->kernel_width};
    dnnl_dims_t before = {g->pad_top, g->pad_left}, after = {g->pad_bottom, g->pad_right};
#if DNNL_VERSION_MAJOR >= 3
    dnnl_dims_t dilation = {0, 0};
    return (int)dnnl_pooling_forward_primitive_desc_create(descriptor, engine->engine, propagation, algorithm(kind), source,
                                                           destination, strides, window, dilation, before, after, attributes);
#else
    dnnl_pooling_desc_t operation;
    GRAFT_TRY(dnnl_pooling_forward_desc_init(&operation, propagation, algorithm(kind), source, destination, strides, window, before,
                                             after));
    return (int)dnnl_primitive_desc_create(descriptor, &operation, attributes, engine->engine, NULL);
#endif
}

int graft_pooling_forward(graft_engine *engine, const graft_geometry *g, graft_pooling kind, int for_training, graft_type type,
                          graft_kernel **kernel) {
    dnnl_memory_desc_t source, destination;
    GRAFT_TRY(describe(&source, &destination, g, type));
    dnnl_primitive_attr_t attributes;
    GRAFT_TRY(graft_attributes(&attributes));
    dnnl_primitive_desc_t descriptor;
    int status = pooling_descriptor(engine, g, kind, for_training ? dnnl_forward_training : dnnl_forward_inference,
                                    GRAFT_REF(source), GRAFT_REF(destination), attributes, &descriptor);
    dnnl_primitive_attr_destroy(attributes);
    GRAFT_DROP(source);
    GRAFT_DROP(destination);
    if (status != dnnl_success) return status;
    graft_role roles[] = {graft_source, graft_destination, graft_workspace};
    int arguments[] = {DNNL_ARG_SRC, DNNL_ARG_DST, DNNL_ARG_WORKSPACE};
    return graft_kernel_create(engine, descriptor, roles, arguments, 3, kernel);
}

int graft_pooling_backward(graft_engine *engine, const graft_geometry *g, graft_pooling kind, graft_type type,
                           graft_kernel **kernel) {
    dnnl_memory_desc_t source, destination;
    GRAFT_TRY(describe(&source, &destination, g, type));
    dnnl_primitive_attr_t attributes;
    GRAFT_TRY(graft_attributes(&attributes));
    dnnl_primitive_desc_t hint = NULL, descriptor = NULL;
    int status = pooling_descriptor(engine, g, kind, dnnl_forward_training, GRAFT_REF(source), GRAFT_REF(destination), attributes,
                                    &hint);
    if (status == dnnl_success) {
        dnnl_dims_t strides = {g->stride, g->stride}, window = {g->kernel_height, g->kernel_width};
        dnnl_dims_t before = {g->pad_top, g->pad_left}, after = {g->pad_bottom, g->pad_right};
#if DNNL_VERSION_MAJOR >= 3
        dnnl_dims_t dilation = {0, 0};
        status = (int)dnnl_pooling_backward_primitive_desc_create(&descriptor, engine->engine, algorithm(kind), source, destination,
                                                                  strides, window, dilation, before, after, hint, attributes);
#else
        dnnl_pooling_desc_t operation;
        status = (int)dnnl_pooling_backward_desc_init(&operation, algorithm(kind), &source, &destination, strides, window, before,
                                                      after);
        if (status == dnnl_success)
            status = (int)dnnl_primitive_desc_create(&descriptor, &operation, attributes, engine->engine, hint);
#endif
        dnnl_primitive_desc_destroy(hint);
    }
    dnnl_primitive_attr_destroy(attributes);
    GRAFT_DROP(source);
    GRAFT_DROP(destination);
    if (status != dnnl_success) return status;
    graft_role roles[] = {graft_destination_gradient, graft_source_gradient, graft_workspace};
    int arguments[] = {DNNL_ARG_DIFF_DST, DNNL_ARG_DIFF_SRC, DNNL_ARG_WORKSPACE};
    return graft_kernel_create(engine, descriptor, roles, arguments, 3, kernel);
}

static int response_norm_descriptor(graft_engine *engine, dnnl_prop_kind_t kind, graft_md data, int64_t size, float alpha, float beta,
                                    float k, dnnl_primitive_attr_t attributes, dnnl_primitive_desc_t *descriptor) {
#if DNNL_VERSION_MAJOR >= 3
    return (int)dnnl_lrn_forward_primitive_desc_create(descriptor, engine->engine, kind, dnnl_lrn_across_channels, data, data, size,
                                                       alpha, beta, k, attributes);
#else
    dnnl_lrn_desc_t operation;
    GRAFT_TRY(dnnl_lrn_forward_desc_init(&operation, kind, dnnl_lrn_across_channels, data, size, alpha, beta, k));
    return (int)dnnl_primitive_desc_create(descriptor, &operation, attributes, engine->engine, NULL);
#endif
}

int graft_response_norm_forward(graft_engine *engine, const graft_geometry *g, int64_t size, float alpha, float beta, float k,
                                int for_training, graft_kernel **kernel) {
    dnnl_memory_desc_t data;
    GRAFT_TRY(graft_activation_descriptor(&data, g->images, g->in_channels, g->in_height, g->in_width, graft_float32));
    dnnl_primitive_attr_t attributes;
    GRAFT_TRY(graft_attributes(&attributes));
    dnnl_primitive_desc_t descriptor;
    int status = response_norm_descriptor(engine, for_training ? dnnl_forward_training : dnnl_forward_inference, GRAFT_REF(data), size,
                                          alpha, beta, k, attributes, &descriptor);
    dnnl_primitive_attr_destroy(attributes);
    GRAFT_DROP(data);
    if (status != dnnl_success) return status;
    graft_role roles[] = {graft_source, graft_destination, graft_workspace};
    int arguments[] = {DNNL_ARG_SRC, DNNL_ARG_DST, DNNL_ARG_WORKSPACE};
    return graft_kernel_create(engine, descriptor, roles, arguments, 3, kernel);
}

int graft_response_norm_backward(graft_engine *engine, const graft_geometry *g, int64_t size, float alpha, float beta, float k,
                                 graft_kernel **kernel) {
    dnnl_memory_desc_t data;
    GRAFT_TRY(graft_activation_descriptor(&data, g->images, g->in_channels, g->in_height, g->in_width, graft_float32));
    dnnl_primitive_attr_t attributes;
    GRAFT_TRY(graft_attributes(&attributes));
    dnnl_primitive_desc_t hint = NULL, descriptor = NULL;
    int status = response_norm_descriptor(engine, dnnl_forward_training, GRAFT_REF(data), size, alpha, beta, k, attributes, &hint);
    if (status == dnnl_success) {
#if DNNL_VERSION_MAJOR >= 3
        status = (int)dnnl_lrn_backward_primitive_desc_create(&descriptor, engine->engine, dnnl_lrn_across_channels, data, data, data,
                                                              size, alpha, beta, k, hint, attributes);
#else
        dnnl_lrn_desc_t operation;
        status = (int)dnnl_lrn_backward_desc_init(&operation, dnnl_lrn_across_channels, &data, &data, size, alpha, beta, k);
        if (status == dnnl_success)
            status = (int)dnnl_primitive_desc_create(&descriptor, &operation, attributes, engine->engine, hint);
#endif
        dnnl_primitive_desc_destroy(hint);
    }
    dnnl_primitive_attr_destroy(attributes);
    GRAFT_DROP(data);
    if (status != dnnl_success) return status;
    graft_role roles[] = {graft_source, graft_destination_gradient, graft_source_gradient, graft_workspace};
    int arguments[] = {DNNL_ARG_SRC, DNNL_ARG_DIFF_DST, DNNL_ARG_DIFF_SRC, DNNL_ARG_WORKSPACE};
    return graft_kernel_create(engine, descriptor, roles, arguments, 4, kernel);
}
