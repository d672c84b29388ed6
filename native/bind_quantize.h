// The part of the module that serves product quantisation; bind.cpp includes it.
#pragma once
#include <memory>
#include <stdexcept>
#include <thread>

#include <nanobind/nanobind.h>
#include <nanobind/ndarray.h>

#include "quantize.h"

namespace firth::quantize_binding {

namespace nb = nanobind;
using namespace nb::literals;

using Rows = nb::ndarray<const float, nb::ndim<2>, nb::c_contig, nb::device::cpu>;
using Centroids = nb::ndarray<const float, nb::ndim<3>, nb::c_contig, nb::device::cpu>;

inline int threads_of(int threads) {
    if (threads < 0 || threads > 1024) throw std::invalid_argument("threads must be 0 to 1024");
    return threads ? threads : int(std::max(1u, std::thread::hardware_concurrency()));
}

template <class T>
nb::object owned(std::unique_ptr<T[]> data, std::initializer_list<size_t> shape) {
    T* raw = data.release();
    nb::capsule owner(raw, [](void* p) noexcept { delete[] static_cast<T*>(p); });
    return nb::cast(nb::ndarray<nb::numpy, T>(raw, shape, owner));
}

inline nb::object fit(Rows rows, int dsub, uint64_t seed, int iterations, int threads) {
    if (!rows.shape(0) || !rows.shape(1) || rows.shape(0) >= UINT32_MAX || rows.shape(1) > 1 << 24 || dsub < 1 || iterations < 0)
        throw std::invalid_argument("there must be rows, and pieces of at least 1 number");
    const Pieces pieces{int(rows.shape(1)), dsub};
    const size_t count = size_t(pieces.count());
    threads = threads_of(threads);
    auto centroids = std::make_unique<float[]>(count * 256 * size_t(dsub));
    {
        nb::gil_scoped_release free;
        fit_centroids(rows.data(), rows.shape(0), pieces, seed, iterations, threads, centroids.get());
    }
    return owned<float>(std::move(centroids), {count, 256, size_t(dsub)});
}

inline nb::object encode(Rows rows, Centroids centroids, int threads) {
    const Pieces pieces{int(rows.shape(1)), int(centroids.shape(2))};
    if (!rows.shape(1) || pieces.dsub < 1 || centroids.shape(1) != 256 || centroids.shape(0) != size_t(pieces.count()))
        throw std::invalid_argument("the centroids don't fit the rows");
    threads = threads_of(threads);
    auto codes = std::make_unique<uint8_t[]>(rows.shape(0) * centroids.shape(0));
    {
        nb::gil_scoped_release free;
        encode_rows(rows.data(), rows.shape(0), pieces, centroids.data(), threads, codes.get());
    }
    return owned<uint8_t>(std::move(codes), {rows.shape(0), centroids.shape(0)});
}

inline void bind_quantize(nb::module_& m) {
    m.def("pq_fit", &fit, "rows"_a, "dsub"_a, "seed"_a, "iterations"_a, "threads"_a = 0);
    m.def("pq_encode", &encode, "rows"_a, "centroids"_a, "threads"_a = 0);
}

}  // namespace firth::quantize_binding
