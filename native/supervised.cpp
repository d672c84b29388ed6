#include "supervised.h"

#include <algorithm>
#include <chrono>
#include <numeric>

#include "dispatch.h"
#include "kernels.h"
#include "parallel.h"
#include "private_rows.h"
#include "rounds.h"

namespace firth {

namespace {

template <class T>
T begin_of(const T* ends, int64_t at) {
    return at ? ends[at - 1] : 0;
}

int whole(int n) { return (n + kPad - 1) / kPad * kPad; }

// What one document is to be trained towards.
struct Aim {
    int32_t label = -1;               // softmax: the one
    std::vector<int32_t> rows;        // of the output
    AlignedFloats seen, total;        // logistic losses: per target
    int room = 0;

    void clear(int n) {
        rows.clear();
        if (n > room) room = whole(n), seen = aligned_floats(size_t(room)), total = aligned_floats(size_t(room));
    }
    void add(int32_t row, float seen_, float total_) {
        seen[rows.size()] = seen_, total[rows.size()] = total_;
        rows.push_back(row);
    }
};

int most_targets(const SupervisedTask& task) {
    switch (task.loss) {
        case ClassifierLoss::kNegative: return task.negative + 1;
        case ClassifierLoss::kHierarchical: {
            int64_t longest = 1;
            for (int32_t k = 0; k < task.n_labels; ++k) longest = std::max(longest, task.path_first[k + 1] - task.path_first[k]);
            return int(longest);
        }
        default: return task.n_labels;
    }
}

// Of several labels one is drawn at each visit, but by one-vs-all, which takes them all. Noise that hits the label is drawn
// again; a label that is drawn twice counts twice.
void aim_at(const SupervisedTask& task, int64_t epoch, int64_t document, Aim& aim) {
    const int32_t* labels = task.labels + begin_of(task.label_ends, document);
    const int32_t n = int32_t(task.labels + task.label_ends[document] - labels);
    Random random(random_at(stream_key(task.seed, Stream::kDocument, uint64_t(epoch)), uint64_t(document)));
    aim.clear(most_targets(task));
    if (task.loss == ClassifierLoss::kOneVsAll) {
        for (int32_t k = 0; k < task.n_labels; ++k) aim.add(k, 0.0f, 1.0f);
        for (int32_t k = 0; k < n; ++k) aim.seen[labels[k]] = 1.0f;
        return;
    }
    aim.label = labels[n > 1 ? int32_t(random.below(uint32_t(n))) : 0];
    if (task.loss == ClassifierLoss::kSoftmax) {
        for (int32_t k = 0; k < task.n_labels; ++k) aim.rows.push_back(k);
    } else if (task.loss == ClassifierLoss::kHierarchical) {
        for (int64_t at = task.path_first[aim.label]; at < task.path_first[aim.label + 1]; ++at)
            aim.add(task.path_node[at], task.path_code[at] ? 1.0f : 0.0f, 1.0f);
    } else {
        aim.add(aim.label, 1.0f, 1.0f);
        for (int k = 0; k < task.negative && task.n_labels > 1; ++k) {
            int32_t noise = task.noise.draw(random);
            while (noise == aim.label) noise = task.noise.draw(random);
            const auto there = std::find(aim.rows.begin(), aim.rows.end(), noise);
            if (there == aim.rows.end()) aim.add(noise, 0.0f, 1.0f);
            else aim.total[size_t(there - aim.rows.begin())] += 1.0f;
        }
    }
}

struct Counted {  // of one document
    int64_t first;
    int n;          // features
    float all;      // with its own rows
    float squares;  // of its own rows' times, summed
};

Counted count(const SupervisedTask& task, int64_t document) {
    const int64_t first = begin_of(task.feature_ends, document);
    Counted found{first, int(task.feature_ends[document] - first), 0.0f, 0.0f};
    found.all = float(found.n);
    if (task.own)
        for (int64_t at = begin_of(task.own_ends, document); at < task.own_ends[document]; ++at) {
            const float times = float(task.own_times[at]);
            found.all += times, found.squares += times * times;
        }
    return found;
}

}  // namespace

// One thread's columns, and its own copy of all that is computed of whole rows.
struct SupervisedTrainer::Worker {
    const SupervisedTask& task;
    const Kernels& table = kernels();
    const int first, width;  // columns
    const int blocks, pitch;
    Aim aim;
    Counted counted{};
    AlignedFloats hidden, change, scores;
    std::vector<float*> rows;

    Worker(const SupervisedTask& task_, int first_, int width_)
        : task(task_), first(first_), width(width_), blocks(task_.stride / kPad), pitch(whole(most_targets(task_))),
          hidden(aligned_floats(size_t(task_.stride))), change(aligned_floats(size_t(task_.stride))),
          scores(aligned_floats(size_t(pitch))) {}

    Targets<float> targets() {
        rows.resize(aim.rows.size());
        for (size_t m = 0; m < rows.size(); ++m) rows[m] = task.output + size_t(aim.rows[m]) * size_t(task.stride) + first;
        Targets<float> t{};
        t.rows = rows.data(), t.n = int(rows.size()), t.width = width, t.hidden = hidden.get(), t.pitch = size_t(pitch);
        return t;
    }

    // The hidden vector of a document, and this thread's parts of its scores: blocks x pitch.
    void look(int64_t epoch, int64_t document, float* parts) {
        counted = count(task, document);
        float* h = hidden.get();
        table.gather_f({task.input + first, size_t(task.stride), task.features + counted.first, counted.n, width, h});
        const float* own = counted.squares > 0 ? task.own + size_t(document) * size_t(task.stride) + first : nullptr;
        const float share = 1.0f / counted.all;
        for (int c = 0; c < width; ++c) h[c] = (own ? h[c] + own[c] : h[c]) * share;
        aim_at(task, epoch, document, aim);
        Targets<float> t = targets();
        t.scores = parts + size_t(first / kPad) * size_t(pitch);
        table.score_parts_f(t);
    }

    // The document's loss.
    double learn(int64_t document, float rate, const float* parts) {
        const int n = int(aim.rows.size());
        for (int m = 0; m < n; ++m) {
            float sum = 0;
            for (int b = 0; b < blocks; ++b) sum += parts[size_t(b) * size_t(pitch) + size_t(m)];
            scores[size_t(m)] = sum;
        }
        const double loss = task.loss == ClassifierLoss::kSoftmax
                                ? table.softmax_factors_f(scores.get(), n, aim.label, rate)
                                : table.logistic_factors_f(scores.get(), aim.seen.get(), aim.total.get(), n, rate);
        if (!task.update) return loss;
        Targets<float> t = targets();
        t.factors = scores.get(), t.change = change.get();
        table.push_targets_f(t);
        for (int c = 0; c < width; ++c) change[size_t(c)] *= 1.0f / counted.all;
        table.scatter_f({task.input + first, size_t(task.stride), task.features + counted.first, counted.n, width, change.get()});
        if (counted.squares > 0) {
            float* own = task.own + size_t(document) * size_t(task.stride) + first;
            for (int c = 0; c < width; ++c) own[c] += counted.squares * change[size_t(c)];
        }
        return loss;
    }

    // The next document's first rows start on their way while the threads meet.
    void prefetch(int64_t document) const {
        const int64_t begin = begin_of(task.feature_ends, document);
        const int64_t end = std::min<int64_t>(task.feature_ends[document], begin + 16);
        for (int64_t at = begin; at < end; ++at) prefetch_row(task.input + size_t(task.features[at]) * size_t(task.stride) + first, width);
    }
};

SupervisedTrainer::SupervisedTrainer(const SupervisedTask& task) : task_(task) {}

void SupervisedTrainer::shuffle(int64_t epoch) {
    if (order_of_ == epoch) return;
    order_of_ = epoch;
    order_.resize(size_t(task_.n_documents));
    std::iota(order_.begin(), order_.end(), 0);
    if (!task_.shuffle) return;
    Random random(stream_key(task_.seed, Stream::kOrder, uint64_t(epoch)));
    for (size_t i = order_.size(); i > 1; --i) std::swap(order_[i - 1], order_[random.below(uint32_t(i))]);
}

// Threads meet at every document. Short ones are not worth it; nor are any where other programs keep a thread off its
// processor, and all of ours wait for it. The result is the same, so what is faster at the time is found by trying.
int SupervisedTrainer::useful(int threads) {
    const int64_t rows = begin_of(task_.feature_ends, task_.n_documents) / std::max<int64_t>(task_.n_documents, 1);
    const int64_t numbers = (rows + most_targets(task_)) * task_.stride;
    threads = std::min(threads, task_.stride / kPad);
    if (threads <= 1 || numbers < kWorthMeeting) return 1;
    const bool together = paces_[1] <= paces_[0];
    return (together != (slices_++ % kProbe == kProbe - 1)) ? threads : 1;
}

void SupervisedTrainer::run(int64_t count, int threads) {
    const int64_t per_epoch = rounds_per_epoch(), epoch = at_ / per_epoch;
    shuffle(epoch);
    if (at_ % per_epoch == 0) sum_ = {};
    for (int64_t last = at_ + count; at_ < last;) {
        const int64_t rounds = std::min(kSlice, last - at_), round = at_ % per_epoch;
        const int64_t begin = round * kRound, end = std::min(begin + rounds * kRound, task_.n_documents);
        const int now = useful(threads);
        const auto start = std::chrono::steady_clock::now();
        for (double loss : slice(epoch, begin, end, now)) sum_.loss += loss;
        const std::chrono::duration<double> took = std::chrono::steady_clock::now() - start;
        paces_[now > 1] = took.count() / double(end - begin);
        sum_.pairs += end - begin;
        at_ += rounds;
    }
}

// Trains documents [begin, end) of the epoch's order; returns the sum of the losses of each round.
std::vector<double> SupervisedTrainer::slice(int64_t epoch, int64_t begin, int64_t end, int threads) {
    const int blocks = task_.stride / kPad;
    std::vector<std::unique_ptr<Worker>> workers;
    for (int t = 0; t < threads; ++t) {
        const int from = blocks * t / threads, to = blocks * (t + 1) / threads;
        workers.push_back(std::make_unique<Worker>(task_, from * kPad, (to - from) * kPad));
    }
    const size_t size = size_t(blocks) * size_t(workers[0]->pitch);
    const AlignedFloats parts[2] = {aligned_floats(size), aligned_floats(size)};  // one thread may be ahead by a document
    const double all = double(task_.epochs) * double(task_.n_documents);
    std::vector<double> losses(size_t((end - begin + kRound - 1) / kRound), 0.0);
    auto work = [&](int thread, int64_t i, auto meet) {
        Worker& worker = *workers[size_t(thread)];
        worker.look(epoch, order_[size_t(i)], parts[i % 2].get());
        if (i + 1 < end) worker.prefetch(order_[size_t(i + 1)]);
        meet();
        const double done = (double(epoch) * double(task_.n_documents) + double(i)) / all;
        const double loss = worker.learn(order_[size_t(i)], float(task_.rate * (1.0 - done)), parts[i % 2].get());
        if (thread == 0) losses[size_t((i - begin) / kRound)] += loss;
    };
    if (threads == 1) {
        for (int64_t i = begin; i < end; ++i) work(0, i, [] {});
        return losses;
    }
    run_together(threads, [&](int thread, Gate& gate, Trouble& trouble) {
        for (int64_t i = begin; i < end; ++i) {
            bool met = false;
            trouble.guard([&] { work(thread, i, [&] { gate.wait(), met = true; }); });
            if (!met) gate.wait();
        }
    });
    return losses;
}

void init_row_numbers(float* matrix, const int64_t* numbers, size_t n, int dim, int stride, uint64_t seed, int threads) {
    constexpr size_t kBlock = 1024;
    const uint64_t key = stream_key(seed, Stream::kInit, 0);
    const float scale = 2.0f / float(dim) / float(1 << 24);
    parallel(size_t(threads), (n + kBlock - 1) / kBlock, [&](size_t, size_t block) {
        for (size_t i = block * kBlock; i < std::min(n, (block + 1) * kBlock); ++i)
            for (int c = 0; c < dim; ++c) {
                const uint64_t bits = random_at(key, uint64_t(numbers[i]) * uint64_t(dim) + uint64_t(c));
                matrix[i * size_t(stride) + size_t(c)] = float(int32_t(bits >> 40) - (1 << 23)) * scale;
            }
    });
}

namespace {

// use(row, times, document's own sum) for all own rows, documents shared out among threads.
template <class Use>
void each_own(const SupervisedTask& task, int threads, Use use) {
    if (!task.own) return;
    constexpr int64_t kDocuments = 256;
    parallel(size_t(threads), size_t((task.n_documents + kDocuments - 1) / kDocuments), [&](size_t, size_t block) {
        const int64_t last = std::min(task.n_documents, int64_t(block + 1) * kDocuments);
        for (int64_t d = int64_t(block) * kDocuments; d < last; ++d)
            use(d, begin_of(task.own_ends, d), task.own_ends[d], task.own + size_t(d) * size_t(task.stride));
    });
}

void sum_own(const SupervisedTask& task, int64_t begin, int64_t end, float* sum) {
    std::fill_n(sum, task.stride, 0.0f);
    for (int64_t at = begin; at < end; ++at)
        kernels().axpby(sum, 1.0f, task.input + size_t(task.own_rows[at]) * size_t(task.stride), float(task.own_times[at]), task.stride);
}

}  // namespace

void gather_own(const SupervisedTask& task, int threads) {
    each_own(task, threads, [&](int64_t, int64_t begin, int64_t end, float* own) { sum_own(task, begin, end, own); });
}

void spread_own(const SupervisedTask& task, int threads) {
    each_own(task, threads, [&](int64_t d, int64_t begin, int64_t end, float* own) {
        if (begin == end) return;
        const AlignedFloats before = aligned_floats(size_t(task.stride));
        sum_own(task, begin, end, before.get());
        const float squares = count(task, d).squares;
        for (int c = 0; c < task.stride; ++c) before[size_t(c)] = (own[c] - before[size_t(c)]) / squares;  // what once there moved by
        for (int64_t at = begin; at < end; ++at)
            kernels().axpby(task.input + size_t(task.own_rows[at]) * size_t(task.stride), 1.0f, before.get(), float(task.own_times[at]), task.stride);
    });
}

}  // namespace firth
