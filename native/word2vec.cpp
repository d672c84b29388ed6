#include "word2vec.h"

#include <algorithm>
#include <cmath>

#include "block.h"
#include "dispatch.h"
#include "examples.h"
#include "rounds.h"

namespace firth {

struct Word2VecTrainer::Crew {  // what belongs to the threads of one number
    std::vector<Scratch> scratch;
    TouchCounts input, output;
    Crew(const Word2VecTask& task, int threads)
        : scratch(threads), input(task.n_words, threads), output(task.n_outputs, threads) {}
};

Word2VecTrainer::Word2VecTrainer(const Word2VecTask& task) : task_(task) {
    blocks_ = (task.n_tokens + task.block_words - 1) / task.block_words;
    rounds_ = (blocks_ + task.blocks_per_round - 1) / task.blocks_per_round;
    in_place_ = !task.deterministic || !task.update || task.blocks_per_round == 1;
    for (auto& round : rounds_at_work_)
        for (int slot = 0; slot < task.blocks_per_round; ++slot) round.push_back(std::make_unique<Block>());
    if (!in_place_) {
        merging_input_.resize(task.n_words);
        merging_output_.resize(task.n_outputs);
    }
}

Word2VecTrainer::~Word2VecTrainer() = default;

int Word2VecTrainer::slots(int64_t round) const {
    const int64_t first = round % rounds_ * task_.blocks_per_round;
    return int(std::min<int64_t>(task_.blocks_per_round, blocks_ - first));
}

namespace {

// The nodes of every centre's path, end to end. Paths lie all over memory, so they are called for ahead of time.
void read_paths(const Word2VecTask& task, Block& block, std::vector<int32_t>& nodes) {
    block.left.clear();
    constexpr int kAhead = 8;
    for (int i = block.first; i < block.last; ++i) {
        if (i + 2 * kAhead < block.last) __builtin_prefetch(task.path_first + block.words[i + 2 * kAhead]);
        if (i + kAhead < block.last) {
            const int64_t place = task.path_first[block.words[i + kAhead]];
            __builtin_prefetch(task.path_node + place), __builtin_prefetch(task.path_code + place);
        }
        const int64_t* path = task.path_first + block.words[i];
        block.paths.push_back(int64_t(nodes.size()));
        nodes.insert(nodes.end(), task.path_node + path[0], task.path_node + path[1]);
        for (int64_t k = path[0]; k < path[1]; ++k) block.left.push_back(task.path_code[k] ? 0.0f : 1.0f);
    }
    block.paths.push_back(int64_t(nodes.size()));
    block.left.resize(block.left.size() + 3);  // path_f reads so far past the last
}

}  // namespace

void Word2VecTrainer::prepare(int thread, int64_t round, int slot) {
    Block& block = *blocks_of(round)[slot];
    read_block(task_, round / rounds_, round % rounds_ * task_.blocks_per_round + slot, block);
    block.thread = thread;
    std::vector<int32_t>& outputs = block.output_slots;  // rows first, slots after
    outputs.clear();
    if (task_.loss == Loss::kNegative) {
        outputs.insert(outputs.end(), block.words.begin() + block.first, block.words.begin() + block.last);
        outputs.insert(outputs.end(), block.noise.begin(), block.noise.end());
    } else if (task_.loss == Loss::kHierarchical) {
        read_paths(task_, block, outputs);
    }
    if (in_place_) return;
    block.input.clear(block.words.size());
    block.output.clear(block.words.size() + block.noise.size());
    block.input_slots.clear();
    for (int32_t word : block.words) block.input_slots.push_back(block.input.slot(word));
    for (int32_t& row : outputs) row = block.output.slot(row);
    crew_->input.add(thread, block.input.rows());
    crew_->output.add(thread, block.output.rows());
}

void Word2VecTrainer::work(int thread, int64_t round, int slot) {
    Block& block = *blocks_of(round)[slot];
    block.input_rows.resize(block.words.size());
    block.output_rows.resize(block.output_slots.size());
    if (in_place_) {
        for (size_t i = 0; i < block.words.size(); ++i)
            block.input_rows[i] = task_.input + size_t(block.words[i]) * task_.stride;
        for (size_t i = 0; i < block.output_slots.size(); ++i)
            block.output_rows[i] = task_.output + size_t(block.output_slots[i]) * task_.stride;
    } else {
        block.input.bind(task_.input, task_.stride, crew_->input, task_.frozen);
        block.output.bind(task_.output, task_.stride, crew_->output);
        for (size_t i = 0; i < block.words.size(); ++i) block.input_rows[i] = block.input.at(block.input_slots[i]);
        for (size_t i = 0; i < block.output_slots.size(); ++i)
            block.output_rows[i] = block.output.at(block.output_slots[i]);
    }
    GroupRunner(task_, block, crew_->scratch[thread]).run();
}

namespace {

// What k blocks did to a row, each from the same frozen point, is more than what they would have done one after the
// other, since each goes most of the way alone. If a use of the row takes it the share x / (1 + x) of the way to where
// its neighbours pull it, a block of u uses leaves r = 1 / (1 + x u) of the way, and k such blocks in turn r^k; their
// changes added up claim k (1 - r). The sum is therefore scaled by (1 - r^k) / (k (1 - r)): 1 where little is moved,
// 1 / k, the mean, where each block alone moves a row as far as it goes. Unlike a fixed power of k this stays bounded.
float agreement(int blocks, int64_t uses, float pull) {
    const double left = 1.0 / (1.0 + double(pull) * double(uses) / blocks);
    double power = 1.0;
    for (int k = 0; k < blocks; ++k) power *= left;
    return left == 1.0 ? 1.0f : float((1.0 - power) / (blocks * (1.0 - left)));
}

}  // namespace

// With p_b the private copies, r the frozen row and f the agreement,  r + f sum (p_b - r) = (1 - f k) r + f sum p_b.
void Word2VecTrainer::merge(int thread, int threads, int64_t round) {
    if (in_place_) return;
    auto mine = [&](int32_t row) {
        return int(uint64_t(uint32_t(row) * 0x9E3779B1u) * uint32_t(threads) >> 32) == thread;
    };
    const Kernels& table = kernels();
    const int n = slots(round);
    const auto& blocks = blocks_of(round);
    const float pull = task_.pull * blocks[0]->rate;
    auto merge_part = [&](PrivateRows Block::* part, TouchCounts& counts, float* matrix, std::vector<Merging>& state) {
        for (int slot = 0; slot < n; ++slot)
            if (blocks[slot]->thread == thread) counts.remove(thread, (blocks[slot].get()->*part).rows());
        for (int slot = 0; slot < n; ++slot)
            for (const PrivateRows::Shared& copy : (blocks[slot].get()->*part).shared())
                if (mine(copy.row)) state[copy.row].uses += copy.uses;
        for (int slot = 0; slot < n; ++slot)
            for (const PrivateRows::Shared& copy : (blocks[slot].get()->*part).shared()) {
                if (!mine(copy.row)) continue;
                Merging& at = state[copy.row];
                float* row = matrix + size_t(copy.row) * task_.stride;
                if (at.merged == 0) at.factor = agreement(copy.blocks, at.uses, pull);
                const float before = at.merged == 0 ? 1.0f - at.factor * float(copy.blocks) : 1.0f;
                table.axpby(row, before, copy.copy, at.factor, task_.dim);
                if (++at.merged == copy.blocks) at = {};
            }
    };
    merge_part(&Block::input, crew_->input, task_.input, merging_input_);
    merge_part(&Block::output, crew_->output, task_.output, merging_output_);
}

void Word2VecTrainer::run(int64_t count, int threads) {
    threads = std::min(threads, task_.blocks_per_round);
    if (!crew_ || int(crew_->scratch.size()) != threads) crew_ = std::make_unique<Crew>(task_, threads);
    if (at_ % rounds_ == 0) sum_ = {};
    std::vector<Tally> tallies(size_t(count) * task_.blocks_per_round);
    run_rounds(
        threads, at_, count, [&](int64_t round) { return slots(round); },
        [&](int thread, int64_t round, int slot) { prepare(thread, round, slot); },
        [&](int thread, int64_t round, int slot) {
            work(thread, round, slot);
            tallies[size_t(round - at_) * task_.blocks_per_round + slot] = blocks_of(round)[slot]->tally;
        },
        [&](int thread, int64_t round) { merge(thread, threads, round); });
    for (const Tally& tally : tallies) sum_.loss += tally.loss, sum_.pairs += tally.pairs;
    at_ += count;
}

void init_rows(float* matrix, int64_t first_row, int64_t n_rows, int dim, int stride, uint64_t seed) {
    const uint64_t key = stream_key(seed, Stream::kInit, 0);
    for (int64_t row = first_row; row < n_rows; ++row)
        for (int c = 0; c < dim; ++c) {
            const uint64_t bits = random_at(key, uint64_t(row) * uint64_t(dim) + uint64_t(c));
            matrix[size_t(row) * stride + c] = float((double(bits >> 40) / double(1 << 24) - 0.5) / dim);
        }
}

}  // namespace firth
