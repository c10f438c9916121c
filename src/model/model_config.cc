#include "model/model_config.h"

#include <algorithm>

namespace hearth::model {

int64_t ModelConfig::last_kv_layer() const {
  for (int64_t i = n_layers - 1; i >= 0; --i) {
    if (layers[static_cast<size_t>(i)].kv_layer == i) return i;
  }
  return n_layers - 1;
}

int64_t ModelConfig::max_heads_width() const {
  int64_t widest = 0;
  for (const LayerConfig& layer : layers) widest = std::max(widest, layer.n_heads * layer.head_dim);
  return widest;
}

}  // namespace hearth::model
