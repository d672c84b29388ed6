// The part of the module that serves fastText's classifier; bind.cpp includes it after bind_subword.h and bind_training.h.
#pragma once
#include <memory>
#include <string>

#include "bind_quantize.h"
#include "bind_subword.h"
#include "bind_training.h"
#include "bind_vectors.h"
#include "classify.h"
#include "documents.h"
#include "gradients.h"
#include "labelled.h"
#include "supervised.h"

namespace firth::supervised_binding {

namespace nb = nanobind;
using namespace nb::literals;
using quantize_binding::threads_of;
using subword_binding::as_array;
using training_binding::Array;
using training_binding::require;

inline FeatureOptions options_of(int word_ngrams, int minn, int maxn, int64_t buckets) {
    require(word_ngrams >= 1, "word_ngrams must be 1 or more");
    return {word_ngrams, subword_binding::checked(minn, maxn, buckets)};
}

// Words of a text in the order of `types`: bytes, ends, counts.
inline nb::tuple words_of(const LabelledText& text, const std::vector<int32_t>& types) {
    std::vector<uint8_t> bytes;
    std::vector<int64_t> offsets{0}, counts;
    for (int32_t type : types) {
        const std::string_view word = text.types()[type];
        bytes.insert(bytes.end(), word.begin(), word.end());
        offsets.push_back(int64_t(bytes.size())), counts.push_back(text.count(type));
    }
    return nb::make_tuple(as_array(std::move(bytes)), as_array(std::move(offsets)), as_array(std::move(counts)));
}

inline nb::dict documents(LabelledText& text, int64_t min_count, int64_t min_count_label, int word_ngrams, int minn, int maxn,
                          int64_t buckets, bool together) {
    const FeatureOptions options = options_of(word_ngrams, minn, maxn, buckets);
    LabelledVocab vocab;
    Documents found;
    {
        nb::gil_scoped_release free;
        vocab = vocabulary_of(text, min_count, min_count_label);
        found = documents_of(text, vocab, options, together);
    }
    nb::dict out;
    out["words"] = words_of(text, vocab.words), out["label_words"] = words_of(text, vocab.labels);
    out["tokens"] = int64_t(text.tokens().size());
    out["lines"] = found.counts.lines, out["without_words"] = found.counts.without_words;
    out["without_labels"] = found.counts.without_labels, out["first_without_labels"] = found.counts.first_without_labels;
    out["features"] = as_array(std::move(found.features)), out["feature_ends"] = as_array(std::move(found.feature_ends));
    out["labels"] = as_array(std::move(found.labels)), out["label_ends"] = as_array(std::move(found.label_ends));
    out["own_rows"] = as_array(std::move(found.own_rows)), out["own_times"] = as_array(std::move(found.own_times));
    out["own_ends"] = as_array(std::move(found.own_ends)), out["buckets"] = as_array(std::move(found.buckets));
    return out;
}

struct PySupervised {
    training_binding::PyWord2Vec held;  // keeps the arrays; its trainer is not used
    SupervisedTask task{};
    std::unique_ptr<SupervisedTrainer> trainer;
};

inline void check_rows(const int32_t* rows, size_t n, int64_t limit) {
    for (size_t i = 0; i < n; ++i) require(rows[i] >= 0 && rows[i] < limit, "a row is out of range");
}

inline void check_ends(const int64_t* ends, int64_t n, size_t total, bool empty_too) {
    for (int64_t i = 0; i < n; ++i) require(ends[i] - (i ? ends[i - 1] : 0) >= (empty_too ? 0 : 1), "ends must ascend");
    require((n ? ends[n - 1] : 0) == int64_t(total), "the last end must be that of all");
}

inline void make_supervised(PySupervised* self, nb::dict a) {
    new (self) PySupervised();
    SupervisedTask& t = self->task;
    auto integer = [&](const char* name) { return nb::cast<int64_t>(a[name]); };
    auto length = [&](const char* name, auto kind) { return a[name].is_none() ? 0 : nb::cast<Array<decltype(kind)>>(a[name]).shape(0); };
    t.n_documents = int64_t(length("feature_ends", int64_t{}));
    t.features = training_binding::column<int32_t>(self->held, a["features"], "features", 0);
    t.feature_ends = training_binding::column<int64_t>(self->held, a["feature_ends"], "feature_ends", 0);
    t.labels = training_binding::column<int32_t>(self->held, a["labels"], "labels", 0);
    t.label_ends = training_binding::column<int64_t>(self->held, a["label_ends"], "label_ends", size_t(t.n_documents));
    t.own_rows = training_binding::column<int32_t>(self->held, a["own_rows"], "own_rows", 0);
    t.own_times = training_binding::column<int32_t>(self->held, a["own_times"], "own_times", length("own_rows", int32_t{}));
    t.own_ends = training_binding::column<int64_t>(self->held, a["own_ends"], "own_ends", size_t(t.n_documents));
    t.dim = int(integer("dim")), t.stride = padded(t.dim), t.n_labels = int32_t(integer("n_labels"));
    const size_t rows = nb::cast<training_binding::Rows>(a["input"]).shape(0);
    t.input = training_binding::matrix(self->held, a["input"], rows, t.stride);
    t.output = training_binding::matrix(self->held, a["output"], size_t(t.n_labels), t.stride);
    if (!a["own"].is_none()) t.own = training_binding::matrix(self->held, a["own"], size_t(t.n_documents), t.stride);
    require(bool(t.own) == bool(t.own_ends) && t.n_labels >= 1, "own rows and their sums belong together; there must be a label");
    check_rows(t.features, length("features", int32_t{}), int64_t(rows));
    check_rows(t.labels, length("labels", int32_t{}), t.n_labels);
    check_ends(t.feature_ends, t.n_documents, length("features", int32_t{}), true);
    check_ends(t.label_ends, t.n_documents, length("labels", int32_t{}), false);
    if (t.own) {
        check_rows(t.own_rows, length("own_rows", int32_t{}), int64_t(rows));
        check_ends(t.own_ends, t.n_documents, length("own_rows", int32_t{}), true);
    }
    t.loss = ClassifierLoss(integer("loss")), t.negative = int(integer("negative"));
    t.noise = {training_binding::column<uint32_t>(self->held, a["noise_keep"], "noise_keep", size_t(t.n_labels)),
               training_binding::column<int32_t>(self->held, a["noise_other"], "noise_other", size_t(t.n_labels)), uint32_t(t.n_labels)};
    t.path_first = training_binding::column<int64_t>(self->held, a["path_first"], "path_first", size_t(t.n_labels) + 1);
    const size_t nodes = t.path_first ? size_t(t.path_first[t.n_labels]) : 0;
    t.path_node = training_binding::column<int32_t>(self->held, a["path_node"], "path_node", nodes);
    t.path_code = training_binding::column<uint8_t>(self->held, a["path_code"], "path_code", nodes);
    require(t.loss != ClassifierLoss::kHierarchical || t.path_first, "the hierarchical softmax needs paths");
    require(t.loss != ClassifierLoss::kNegative || t.noise.keep, "negative sampling needs noise");
    t.epochs = int(integer("epochs")), t.rate = nb::cast<float>(a["rate"]), t.seed = uint64_t(integer("seed"));
    t.shuffle = nb::cast<bool>(a["shuffle"]), t.update = nb::cast<bool>(a["update"]), t.group = int(integer("group"));
    require(t.epochs >= 1 && t.group >= 1 && t.negative >= 0, "epochs and group must be positive");
    self->trainer = std::make_unique<SupervisedTrainer>(t);
}

inline nb::tuple label_paths(Array<int64_t> counts) {
    const LabelTree tree(counts.data(), int32_t(counts.shape(0)));
    std::vector<int64_t> first{0};
    std::vector<int32_t> nodes;
    std::vector<uint8_t> codes;
    for (int32_t leaf = 0; leaf < tree.leaves(); ++leaf) {
        for (int32_t at = leaf; tree[at].parent >= 0; at = tree[at].parent)
            nodes.push_back(tree[at].parent - tree.leaves()), codes.push_back(tree[at].turned_right);
        first.push_back(int64_t(nodes.size()));
    }
    return nb::make_tuple(as_array(std::move(first)), as_array(std::move(nodes)), as_array(std::move(codes)));
}

// One hidden vector against rows of an output: change of both and the loss; target < 0: logistic with seen and total.
template <class R>
nb::tuple classifier_step(Array<R> hidden, training_binding::Matrix<R> output, int target, Array<R> seen, Array<R> total, R rate) {
    const int n = int(output.shape(0)), dim = int(output.shape(1));
    require(n && dim && int(hidden.shape(0)) == dim && target < n, "shapes do not fit");
    require(target >= 0 || (int(seen.shape(0)) == n && int(total.shape(0)) == n), "shapes do not fit");
    PaddedRows<R> h(hidden.data(), 1, dim), y(output.data(), n, dim), change(nullptr, 1, dim, true);
    const int stride = h.stride(), blocks = stride / kPad, pitch = padded(n);
    PaddedRows<R> parts(nullptr, blocks, pitch, true), scores(nullptr, 1, n, true), seens(nullptr, 1, n), totals(nullptr, 1, n);
    Targets<R> t{};
    std::vector<R*> rows;
    for (int m = 0; m < n; ++m) rows.push_back(y.data() + size_t(m) * stride);
    t.rows = rows.data(), t.n = n, t.width = stride, t.hidden = h.data(), t.scores = parts.data(), t.pitch = size_t(pitch);
    t.factors = scores.data(), t.change = change.data();
    of_kind<R>(kernels().score_parts_f, kernels().score_parts_d)(t);
    for (int m = 0; m < n; ++m) {
        scores.data()[m] = 0;
        for (int b = 0; b < blocks; ++b) scores.data()[m] += parts.data()[size_t(b) * pitch + m];
        if (target < 0) seens.data()[m] = seen.data()[m], totals.data()[m] = total.data()[m];
    }
    const double loss = target >= 0
                            ? of_kind<R>(kernels().softmax_factors_f, kernels().softmax_factors_d)(scores.data(), n, target, rate)
                            : of_kind<R>(kernels().logistic_factors_f, kernels().logistic_factors_d)(
                                  scores.data(), seens.data(), totals.data(), n, rate);
    of_kind<R>(kernels().push_targets_f, kernels().push_targets_d)(t);
    R *dh, *dy;
    nb::object d_hidden = training_binding::new_matrix(1, size_t(dim), &dh), d_output = training_binding::new_matrix(size_t(n), size_t(dim), &dy);
    change.copy_to(dh, 1, dim), y.copy_to(dy, n, dim);
    for (size_t i = 0; i < size_t(n) * size_t(dim); ++i) dy[i] -= output.data()[i];
    return nb::make_tuple(d_hidden, d_output, loss);
}

inline nb::tuple encode(FeatureSpace& self, nb::bytes text, int threads) {
    threads = threads_of(threads);
    Documents found;
    {
        nb::gil_scoped_release free;
        found = self.encode(text.c_str(), text.size(), threads);
    }
    return nb::make_tuple(as_array(std::move(found.features)), as_array(std::move(found.feature_ends)),
                          as_array(std::move(found.labels)), as_array(std::move(found.label_ends)));
}

// Rows of the matrix may be further apart than they are long.
using Strided = nb::ndarray<const float, nb::ndim<2>, nb::device::cpu>;

inline nb::object means(Strided matrix, Array<int32_t> rows, Array<int64_t> ends, int threads) {
    require(matrix.shape(1) && matrix.stride(1) == 1 && matrix.stride(0) >= 0, "the rows must be of numbers side by side");
    check_ends(ends.data(), int64_t(ends.shape(0)), rows.shape(0), true);
    check_rows(rows.data(), rows.shape(0), int64_t(matrix.shape(0)));
    threads = threads_of(threads);
    const size_t n = ends.shape(0), dim = matrix.shape(1);
    auto out = std::make_unique<float[]>(n * dim);
    {
        nb::gil_scoped_release free;
        mean_rows(matrix.data(), size_t(matrix.stride(0)), int(dim), rows.data(), ends.data(), n, threads, out.get());
    }
    return quantize_binding::owned<float>(std::move(out), {n, dim});
}

inline nb::tuple best(LabelScorer& self, training_binding::Matrix<float> hidden, Array<uint8_t> there, int k, float threshold, int threads) {
    require(int(hidden.shape(1)) == self.dim() && there.shape(0) == hidden.shape(0), "shapes do not fit");
    threads = threads_of(threads);
    Predictions found;
    {
        nb::gil_scoped_release free;
        found = self.best(hidden.data(), there.data(), hidden.shape(0), k, threshold, threads);
    }
    return nb::make_tuple(as_array(std::move(found.labels)), as_array(std::move(found.probabilities)), as_array(std::move(found.ends)));
}

inline void bind_supervised(nb::module_& m) {
    nb::class_<LabelledText>(m, "LabelledText")
        .def(nb::init<std::string>(), "prefix"_a)
        .def("feed", [](LabelledText& self, nb::bytes text) {
            nb::gil_scoped_release free;
            self.feed(text.c_str(), text.size());
        }, "text"_a)
        .def("end_text", &LabelledText::end_text)
        .def("documents", &documents, "min_count"_a, "min_count_label"_a, "word_ngrams"_a, "minn"_a, "maxn"_a, "buckets"_a, "together"_a);
    nb::class_<PySupervised>(m, "SupervisedTrainer")
        .def("__init__", &make_supervised, "task"_a)
        .def_prop_ro("rounds_per_epoch", [](PySupervised& self) { return self.trainer->rounds_per_epoch(); })
        .def_prop_ro("round", [](PySupervised& self) { return self.trainer->round(); })
        .def_prop_ro("loss", [](PySupervised& self) { return self.trainer->tally().loss; })
        .def_prop_ro("pairs", [](PySupervised& self) { return self.trainer->tally().pairs; })
        .def("seek", [](PySupervised& self, int64_t round, double loss, int64_t pairs) {
            require(round >= 0 && pairs >= 0, "no such place");
            self.trainer->seek(round, {loss, pairs});
        }, "round"_a, "loss"_a, "pairs"_a)
        .def("run", [](PySupervised& self, int64_t count, int threads) {
            const int64_t rounds = self.trainer->rounds_per_epoch();
            require(rounds >= 1 && count >= 1 && threads >= 1 && self.trainer->round() % rounds + count <= rounds, "no such rounds");
            nb::gil_scoped_release free;
            self.trainer->run(count, threads);
        }, "count"_a, "threads"_a)
        .def("gather_own", [](PySupervised& self, int threads) {
            nb::gil_scoped_release free;
            gather_own(self.task, threads);
        }, "threads"_a)
        .def("spread_own", [](PySupervised& self, int threads) {
            nb::gil_scoped_release free;
            spread_own(self.task, threads);
        }, "threads"_a);
    nb::class_<FeatureSpace>(m, "FeatureSpace")
        .def("__init__", [](FeatureSpace* self, vectors_binding::Bytes words, vectors_binding::Offsets offsets, int64_t gap,
                            vectors_binding::Bytes labels, vectors_binding::Offsets label_offsets, int64_t label_gap,
                            const std::string& prefix, int word_ngrams, int minn, int maxn, int64_t buckets, bool all_buckets,
                            Array<int32_t> kept, Array<int32_t> rows) {
            require(kept.shape(0) == rows.shape(0), "shapes do not fit");
            check_rows(kept.data(), kept.shape(0), buckets), check_rows(rows.data(), rows.shape(0), INT32_MAX);
            new (self) FeatureSpace(vectors_binding::words_in(words, offsets, gap), vectors_binding::words_in(labels, label_offsets, label_gap),
                                    prefix, options_of(word_ngrams, minn, maxn, buckets), all_buckets,
                                    {kept.data(), kept.shape(0)}, {rows.data(), rows.shape(0)});
        }, "words"_a, "offsets"_a, "gap"_a, "labels"_a, "label_offsets"_a, "label_gap"_a, "prefix"_a, "word_ngrams"_a, "minn"_a,
             "maxn"_a, "buckets"_a, "all_buckets"_a, "kept"_a, "rows"_a)
        .def("encode", &encode, "text"_a, "threads"_a = 0);
    nb::class_<LabelScorer>(m, "LabelScorer")
        .def("__init__", [](LabelScorer* self, training_binding::Matrix<float> output, int loss, Array<int64_t> counts) {
            require(output.shape(0) && output.shape(1) && output.shape(0) == counts.shape(0) && loss >= 0 && loss <= 3, "shapes do not fit");
            new (self) LabelScorer(output.data(), int32_t(output.shape(0)), int(output.shape(1)), ClassifierLoss(loss), counts.data());
        }, "output"_a, "loss"_a, "counts"_a)
        .def("best", &best, "hidden"_a, "there"_a, "k"_a, "threshold"_a, "threads"_a = 0);
    m.def("mean_rows", &means, "matrix"_a.noconvert(), "rows"_a, "ends"_a, "threads"_a = 0);
    m.def("label_paths", &label_paths, "counts"_a);
    m.def("init_row_numbers", [](training_binding::Rows rows, Array<int64_t> numbers, int dim, uint64_t seed, int threads) {
        require(rows.shape(0) == numbers.shape(0) && size_t(dim) <= rows.shape(1), "shapes do not fit");
        threads = threads_of(threads);
        nb::gil_scoped_release free;
        init_row_numbers(rows.data(), numbers.data(), numbers.shape(0), dim, int(rows.shape(1)), seed, threads);
    }, "rows"_a, "numbers"_a, "dim"_a, "seed"_a, "threads"_a = 0);
    m.def("classifier_step", &classifier_step<float>, "hidden"_a.noconvert(), "output"_a.noconvert(), "target"_a, "seen"_a.noconvert(),
          "total"_a.noconvert(), "rate"_a);
    m.def("classifier_step", &classifier_step<double>, "hidden"_a.noconvert(), "output"_a.noconvert(), "target"_a, "seen"_a.noconvert(),
          "total"_a.noconvert(), "rate"_a);
}

}  // namespace firth::supervised_binding
