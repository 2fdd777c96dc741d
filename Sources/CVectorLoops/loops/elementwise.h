// Element-wise loops: bound by memory and vector width.

void GRAFT_AT(graft_activate)(const void *x, void *y, size_t count, graft_loop_activation kind, graft_format format) {
    GRAFT_FOR_EACH_FORMAT(GRAFT_FOR_EACH_KIND(
        GRAFT_IN_PLACE for (size_t i = 0; i < count; i++) graft_put(y, i, graft_activated(graft_get(x, i, F), K), F);))
}

void GRAFT_AT(graft_add_activate)(const void *a, const void *b, void *y, size_t count, graft_loop_activation kind, graft_format format) {
    GRAFT_FOR_EACH_FORMAT(GRAFT_FOR_EACH_KIND(
        GRAFT_IN_PLACE for (size_t i = 0; i < count; i++)
            graft_put(y, i, graft_activated(graft_get(a, i, F) + graft_get(b, i, F), K), F);))
}

/// Nothing is kept for the identity.
GRAFT_INLINE void add_gradients(const void *a, const void *b, void *dx, size_t count, graft_format format) {
    if (b) { GRAFT_IN_PLACE for (size_t i = 0; i < count; i++) graft_put(dx, i, graft_get(a, i, format) + graft_get(b, i, format), format); }
    else if (dx != a) memcpy(dx, a, count * (format == graft_half ? sizeof(uint16_t) : sizeof(float)));
}

GRAFT_INLINE void mask_gradients(const void *a, const void *b, const void *kept, void *dx, size_t count, graft_loop_activation kind,
                                 graft_format format) {
    GRAFT_IN_PLACE for (size_t i = 0; i < count; i++) {
        float sum = graft_get(a, i, format);
        if (b) sum += graft_get(b, i, format);
        graft_put(dx, i, sum * graft_slope(graft_get(kept, i, format), kind), format);
    }
}

void GRAFT_AT(graft_combine_gradients)(const void *a, const void *b, const void *kept, void *dx, size_t count, graft_loop_activation kind,
                                       graft_format format) {
    if (kind == graft_loop_identity) {
        GRAFT_FOR_EACH_FORMAT(add_gradients(a, b, dx, count, F);)
        return;
    }
    GRAFT_FOR_EACH_FORMAT(GRAFT_FOR_EACH_KIND(
        if (b) mask_gradients(a, b, kept, dx, count, K, F);
        else mask_gradients(a, 0, kept, dx, count, K, F);))
}

void GRAFT_AT(graft_gate)(const float *x, const float *gate, float *y, size_t pixels, size_t channels) {
    for (size_t p = 0; p < pixels; p++)
        GRAFT_IN_PLACE for (size_t c = 0; c < channels; c++) y[p * channels + c] = x[p * channels + c] * gate[c];
}

void GRAFT_AT(graft_gate_backward)(const float *dy, const float *x, float *dgate, size_t pixels, size_t channels) {
    memset(dgate, 0, channels * sizeof(float));
    for (size_t p = 0; p < pixels; p++)
        for (size_t c = 0; c < channels; c++) dgate[c] += dy[p * channels + c] * x[p * channels + c];
}

/// Bytes add up as integers, exactly.
#define GRAFT_BYTE_SUMS(x)                                                                                                                \
    for (size_t first = 0; first < channels; first += block_channels) {                                                                   \
        size_t width = smaller(block_channels, channels - first);                                                                         \
        int32_t sums[block_channels] = {0};                                                                                               \
        for (size_t p = 0; p < pixels; p++)                                                                                               \
            for (size_t c = 0; c < width; c++) sums[c] += (x)[p * channels + first + c];                                                  \
        for (size_t c = 0; c < width; c++) y[first + c] = (float)sums[c] * scale;                                                         \
    }

void GRAFT_AT(graft_pixel_sum)(const void *x, float *y, size_t pixels, size_t channels, float scale, graft_format format) {
    if (format == graft_unsigned_bytes) {
        GRAFT_BYTE_SUMS((const uint8_t *)x)
        return;
    }
    if (format == graft_signed_bytes) {
        GRAFT_BYTE_SUMS((const int8_t *)x)
        return;
    }
    memset(y, 0, channels * sizeof(float));
    GRAFT_FOR_EACH_FORMAT(
        for (size_t p = 0; p < pixels; p++)
            for (size_t c = 0; c < channels; c++) y[c] += graft_get(x, p * channels + c, F);)
    for (size_t c = 0; c < channels; c++) y[c] *= scale;
}

void GRAFT_AT(graft_pixel_spread)(const float *dy, void *dx, size_t pixels, size_t channels, float scale, graft_format format) {
    GRAFT_FOR_EACH_FORMAT(
        for (size_t p = 0; p < pixels; p++)
            for (size_t c = 0; c < channels; c++) graft_put(dx, p * channels + c, dy[c] * scale, F);)
}

void GRAFT_AT(graft_channels_first)(const float *x, float *y, size_t pixels, size_t channels) {
    for (size_t c = 0; c < channels; c++)
        for (size_t p = 0; p < pixels; p++) y[c * pixels + p] = x[p * channels + c];
}

void GRAFT_AT(graft_channels_last)(const float *x, float *y, size_t pixels, size_t channels) {
    for (size_t p = 0; p < pixels; p++)
        for (size_t c = 0; c < channels; c++) y[p * channels + c] = x[c * pixels + p];
}

void GRAFT_AT(graft_dropout)(const float *x, float *y, size_t count, uint64_t key, float rate) {
    float keep = 1.0f / (1.0f - rate);
    GRAFT_IN_PLACE for (size_t i = 0; i < count; i++) {
        // The finaliser of SplitMix64 over a counter, as in CounterRandom.
        uint64_t z = key + (i + 1) * 0x9E3779B97F4A7C15u;
        z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9u;
        z = (z ^ (z >> 27)) * 0x94D049BB133111EBu;
        z ^= z >> 31;
        float u = (float)(uint32_t)(z >> 40) * 0x1p-24f;
        y[i] = u >= rate ? x[i] * keep : 0;
    }
}

void GRAFT_AT(graft_scale_rows)(const float *x, const float *scale, float *y, size_t rows, size_t columns) {
    for (size_t r = 0; r < rows; r++)
        GRAFT_IN_PLACE for (size_t c = 0; c < columns; c++) y[r * columns + c] = x[r * columns + c] * scale[r];
}

void GRAFT_AT(graft_scale)(const float *x, float *y, size_t count, float factor) {
    GRAFT_IN_PLACE for (size_t i = 0; i < count; i++) y[i] = x[i] * factor;
}

void GRAFT_AT(graft_accumulate)(const float *x, float *y, size_t count) {
    for (size_t i = 0; i < count; i++) y[i] += x[i];
}

void GRAFT_AT(graft_add_on_grid)(const float *x, float magic, float *y, size_t count) {
    for (size_t i = 0; i < count; i++) y[i] += (x[i] + magic) - magic;
}

// Sums of many rows lose digits if each is added to all before it: partial sums of a few hundred keep them.
void GRAFT_AT(graft_column_sums)(const float *x, float *sums, size_t rows, size_t columns) {
    enum { rows_at_once = 256, columns_at_once = 64 };
    memset(sums, 0, columns * sizeof *sums);
    for (size_t row = 0; row < rows; row += rows_at_once) {
        size_t last = smaller(row + rows_at_once, rows);
        for (size_t column = 0; column < columns; column += columns_at_once) {
            size_t width = smaller(columns_at_once, columns - column);
            float partial[columns_at_once] = {0};
            for (size_t r = row; r < last; r++)
                for (size_t c = 0; c < width; c++) partial[c] += x[r * columns + column + c];
            for (size_t c = 0; c < width; c++) sums[column + c] += partial[c];
        }
    }
}

void GRAFT_AT(graft_to_bfloat16)(const float *x, uint16_t *y, size_t count) {
    for (size_t i = 0; i < count; i++) y[i] = graft_narrow(x[i]);
}

void GRAFT_AT(graft_from_bfloat16)(const uint16_t *x, float *y, size_t count) {
    for (size_t i = 0; i < count; i++) y[i] = graft_wide(x[i]);
}

void GRAFT_AT(graft_bfloat16_split)(const float *x, uint16_t *y, float *residual, size_t count) {
    for (size_t i = 0; i < count; i++) {
        uint16_t sent = graft_narrow(x[i]);
        float difference = x[i] - graft_wide(sent);
        y[i] = sent;
        residual[i] = difference - difference == 0 ? difference : 0;
    }
}

void GRAFT_AT(graft_bfloat16_accumulate)(const uint16_t *x, float *y, size_t count) {
    for (size_t i = 0; i < count; i++) y[i] += graft_wide(x[i]);
}
