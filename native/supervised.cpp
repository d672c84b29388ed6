#include "supervised.h"

#include <algorithm>
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

// What a group of documents leaves for the other threads: parts of scores, by document and block of columns.
struct SupervisedTrainer::Group {
    AlignedFloats parts;
};

// One thread's columns, and its own copy of all that is computed of whole rows.
struct SupervisedTrainer::Worker {
    const SupervisedTask& task;
    const Kernels& table = kernels();
    const int first, width;  // columns
    const int blocks, pitch;
    std::vector<Aim> aims;
    std::vector<Counted> counts;
    AlignedFloats hidden, change, scores;
    std::vector<float*> rows;
    double loss = 0;

    Worker(const SupervisedTask& task_, int first_, int width_)
        : task(task_), first(first_), width(width_), blocks(task_.stride / kPad), pitch(whole(most_targets(task_))),
          aims(size_t(task_.group)), counts(size_t(task_.group)), hidden(aligned_floats(size_t(task_.group) * size_t(task_.stride))),
          change(aligned_floats(size_t(task_.stride))), scores(aligned_floats(size_t(pitch))) {}

    size_t place(int slot, int block) const { return (size_t(slot) * size_t(blocks) + size_t(block)) * size_t(pitch); }

    Targets<float> targets(int slot) {
        Aim& aim = aims[size_t(slot)];
        rows.resize(aim.rows.size());
        for (size_t m = 0; m < rows.size(); ++m) rows[m] = task.output + size_t(aim.rows[m]) * size_t(task.stride) + first;
        Targets<float> t{};
        t.rows = rows.data(), t.n = int(rows.size()), t.width = width;
        t.hidden = hidden.get() + size_t(slot) * size_t(task.stride), t.pitch = size_t(pitch);
        return t;
    }

    // The hidden vector of a document, and this thread's parts of its scores.
    void look(int64_t epoch, int64_t document, int slot, float* parts) {
        const Counted counted = counts[size_t(slot)] = count(task, document);
        float* h = hidden.get() + size_t(slot) * size_t(task.stride);
        table.gather_f({task.input + first, size_t(task.stride), task.features + counted.first, counted.n, width, h});
        const float* own = counted.squares > 0 ? task.own + size_t(document) * size_t(task.stride) + first : nullptr;
        const float share = 1.0f / counted.all;
        for (int c = 0; c < width; ++c) h[c] = (own ? h[c] + own[c] : h[c]) * share;
        aim_at(task, epoch, document, aims[size_t(slot)]);
        Targets<float> t = targets(slot);
        t.scores = parts + place(slot, first / kPad);
        table.score_parts_f(t);
    }

    void learn(int64_t document, int slot, float rate, const float* parts) {
        const Aim& aim = aims[size_t(slot)];
        const int n = int(aim.rows.size());
        for (int m = 0; m < n; ++m) {
            float sum = 0;
            for (int b = 0; b < blocks; ++b) sum += parts[place(slot, b) + size_t(m)];
            scores[size_t(m)] = sum;
        }
        loss += task.loss == ClassifierLoss::kSoftmax ? table.softmax_factors_f(scores.get(), n, aim.label, rate)
                                                      : table.logistic_factors_f(scores.get(), aim.seen.get(), aim.total.get(), n, rate);
        if (!task.update) return;
        Targets<float> t = targets(slot);
        t.factors = scores.get(), t.change = change.get();
        table.push_targets_f(t);
        const Counted& counted = counts[size_t(slot)];
        for (int c = 0; c < width; ++c) change[size_t(c)] *= 1.0f / counted.all;
        table.scatter_f({task.input + first, size_t(task.stride), task.features + counted.first, counted.n, width, change.get()});
        if (counted.squares > 0) {
            float* own = task.own + size_t(document) * size_t(task.stride) + first;
            for (int c = 0; c < width; ++c) own[c] += counted.squares * change[size_t(c)];
        }
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

// A group ends where a round does, so that a slice of rounds changes nothing; and when its rows are many enough for a
// meeting of the threads to cost little beside them.
int64_t SupervisedTrainer::group_end(int64_t at, int64_t end) const {
    end = std::min({end, at + task_.group, (at / kRound + 1) * kRound});
    for (int64_t features = 0; at < end && features < kGroupFeatures; ++at) {
        const int64_t document = order_[size_t(at)];
        features += task_.feature_ends[document] - begin_of(task_.feature_ends, document);
    }
    return at;
}

void SupervisedTrainer::run(int64_t count, int threads) {
    const int64_t per_epoch = rounds_per_epoch(), epoch = at_ / per_epoch;
    const int64_t begin = at_ % per_epoch * kRound, end = std::min(begin + count * kRound, task_.n_documents);
    shuffle(epoch);
    if (at_ % per_epoch == 0) sum_ = {};
    const int blocks = task_.stride / kPad;
    threads = std::max(1, std::min(threads, blocks));
    std::vector<std::unique_ptr<Worker>> workers;
    for (int t = 0; t < threads; ++t) {
        const int from = blocks * t / threads, to = blocks * (t + 1) / threads;
        workers.push_back(std::make_unique<Worker>(task_, from * kPad, (to - from) * kPad));
    }
    const size_t size = size_t(task_.group) * size_t(blocks) * size_t(workers[0]->pitch);
    Group groups[2] = {{aligned_floats(size)}, {aligned_floats(size)}};  // a thread may be one group ahead of another
    const double all = double(task_.epochs) * double(task_.n_documents);

    std::vector<double> losses(size_t((end - begin + kRound - 1) / kRound), 0.0);
    std::vector<int64_t> firsts;
    for (int64_t at = begin; at < end; at = group_end(at, end)) firsts.push_back(at);
    firsts.push_back(end);
    auto work = [&](int thread, int64_t number, auto meet) {
        Worker& worker = *workers[size_t(thread)];
        const int64_t first = firsts[size_t(number)], last = firsts[size_t(number) + 1];
        float* parts = groups[number % 2].parts.get();
        for (int64_t i = first; i < last; ++i) worker.look(epoch, order_[size_t(i)], int(i - first), parts);
        if (last < end) worker.prefetch(order_[size_t(last)]);
        meet();
        worker.loss = 0;
        for (int64_t i = first; i < last; ++i) {
            const double done = (double(epoch) * double(task_.n_documents) + double(i)) / all;
            worker.learn(order_[size_t(i)], int(i - first), float(task_.rate * (1.0 - done)), parts);
        }
        if (thread == 0) losses[size_t((first - begin) / kRound)] += worker.loss;
    };
    const int64_t n_groups = int64_t(firsts.size()) - 1;
    if (threads == 1) {
        for (int64_t number = 0; number < n_groups; ++number) work(0, number, [] {});
    } else {
        run_together(threads, [&](int thread, Gate& gate, Trouble& trouble) {
            for (int64_t number = 0; number < n_groups; ++number) {
                bool met = false;
                trouble.guard([&] { work(thread, number, [&] { gate.wait(), met = true; }); });
                if (!met) gate.wait();
            }
        });
    }
    for (double loss : losses) sum_.loss += loss;
    sum_.pairs += end - begin;
    at_ += count;
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
