// What one spike of either end does to a plastic weight: the twin of stdp_rules.py and of elementary.power.
#pragma once
#include "base.cuh"
#include "elementary.cuh"

// x ** y for 0 <= x, 0 <= y: exact for y = 0 and 1, else exp(y log x).
DTB_FN float power(float x, float y) {
    const bool positive = x > 0.0f;
    float raised = dtb_elementary::dtb_exp(y * dtb_elementary::dtb_log(positive ? x : 1.0f));
    raised = positive ? raised : 0.0f;
    raised = y == 1.0f ? x : raised;
    return y == 0.0f ? 1.0f : raised;
}

// Weight after a spike of the target: float32 in fine quanta, not yet rounded.
DTB_FN float potentiated(i64 kind, const float *p, float w, float trace, float slow) {
    if (kind == D_STDP_PAIR) {
        const float x = w * p[D_P_INVERSE_MAX];
        return (x + p[D_P_UP] * power(1.0f - x, p[D_P_UP_POWER]) * trace) * p[D_P_MAX];
    }
    if (kind == D_STDP_POWER_LAW)
        return w + p[D_P_UP] * power(w, p[D_P_UP_POWER]) * trace;
    return w + trace * (p[D_P_UP2] + p[D_P_UP3] * slow);
}

// Weight after a spike of the source.
DTB_FN float depressed(i64 kind, const float *p, float w, float trace, float slow) {
    if (kind == D_STDP_PAIR) {
        const float x = w * p[D_P_INVERSE_MAX];
        return (x - p[D_P_DOWN] * power(x, p[D_P_DOWN_POWER]) * trace) * p[D_P_MAX];
    }
    if (kind == D_STDP_POWER_LAW)
        return w - p[D_P_DOWN] * w * trace;
    return w - trace * (p[D_P_DOWN2] + p[D_P_DOWN3] * slow);
}

// Into [0, maximum], to a whole number; float32 again.
DTB_FN float rounded(const float *p, float w) {
    const float largest = p[D_P_MAX];
    w = w > 0.0f ? w : 0.0f;
    w = w < largest ? w : largest;
    return (float)(i32)(w + 0.5f);
}
