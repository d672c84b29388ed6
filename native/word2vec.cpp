#include "word2vec.h"

#include <algorithm>
#include <cmath>

#include "block.h"
#include "dispatch.h"
#include "examples.h"
#include "paths.h"
#include "rounds.h"

namespace firth {

struct Word2VecTrainer::Crew {  // what belongs to the threads of one number
    std::vector<Scratch> scratch;
    std::vector<TreeTop> top;
    std::vector<RoundWords> words;
    std::vector<Room> vectors;  // composed: of the round in the first, of a block where each thread has its own
    TouchCounts input, output;
    Crew(const Word2VecTask& task, int threads)
        : scratch(threads), top(threads), words(threads), vectors(threads), input(task.n_words, threads), output(task.n_outputs, threads) {}
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

void Word2VecTrainer::prepare(int thread, int64_t round, int slot) {
    Block& block = *blocks_of(round)[slot];
    read_block(task_, round / rounds_, round % rounds_ * task_.blocks_per_round + slot, block);
    block.thread = thread;
    const bool noise = task_.loss == Loss::kNegative;
    std::vector<int32_t>& outputs = block.output_slots;  // rows first, slots after
    outputs.clear();
    if (noise) {
        outputs.insert(outputs.end(), block.words.begin() + block.first, block.words.begin() + block.last);
        outputs.insert(outputs.end(), block.noise.begin(), block.noise.end());
    }
    if (!in_place_ || task_.part_first) {
        block.input.clear(block.words.size());
        block.input_slots.clear();
        for (int32_t word : block.words) block.input_slots.push_back(block.input.slot(word));
    }
    if (in_place_) return;
    block.output.clear(block.words.size() + block.noise.size());
    if (noise) for (int32_t& row : outputs) row = block.output.slot(row);
    else if (task_.loss == Loss::kHierarchical) give_slots(task_, block);
    if (!task_.part_first) crew_->input.add(thread, block.input.rows());
    crew_->output.add(thread, block.output.rows());
}

std::vector<const Block*> Word2VecTrainer::listed(int64_t round) const {
    std::vector<const Block*> blocks;
    for (int slot = 0; slot < slots(round); ++slot) blocks.push_back(blocks_of(round)[slot].get());
    return blocks;
}

// The vectors of the round's words, each made by one of the threads.
void Word2VecTrainer::compose(int thread, int64_t round) {
    RoundWords& words = crew_->words[thread];
    words.unite(listed(round));
    words.compose(task_, crew_->vectors[0].need(0), thread, int(crew_->words.size()));
}

void Word2VecTrainer::bind_rows(int thread, int slot, Block& block) {
    const size_t n = block.words.size();
    block.input_rows.resize(n);
    block.output_rows.resize(block.output_slots.size());
    if (task_.part_first) {
        RoundWords& words = crew_->words[thread];
        Room& vectors = crew_->vectors[in_place_ ? thread : 0];
        if (in_place_) {
            words.unite({&block});
            words.compose(task_, vectors.need(words.size() * task_.stride), 0, 1);
        }
        block.composed.open(vectors.need(0), words, in_place_ ? 0 : slot, block.input.rows().size(), task_.stride);
        for (size_t i = 0; i < n; ++i) block.input_rows[i] = block.composed.at(block.input_slots[i]);
    } else if (in_place_) {
        for (size_t i = 0; i < n; ++i) block.input_rows[i] = task_.input + size_t(block.words[i]) * task_.stride;
    } else {
        block.input.bind(task_.input, task_.stride, crew_->input, task_.frozen);
        for (size_t i = 0; i < n; ++i) block.input_rows[i] = block.input.at(block.input_slots[i]);
    }
    block.positions = task_.positions;
    if (task_.positions && !in_place_) {
        const size_t size = size_t(2 * task_.window + 1) * task_.stride;
        block.positions = block.own_positions.need(size);
        std::copy_n(task_.positions, size, block.positions);
    }
    if (in_place_) {
        for (size_t i = 0; i < block.output_slots.size(); ++i)
            block.output_rows[i] = task_.output + size_t(block.output_slots[i]) * task_.stride;
    } else {
        block.output.bind(task_.output, task_.stride, crew_->output);
        for (size_t i = 0; i < block.output_slots.size(); ++i)
            block.output_rows[i] = block.output.at(block.output_slots[i]);
    }
}

void Word2VecTrainer::work(int thread, int64_t round, int slot) {
    Block& block = *blocks_of(round)[slot];
    bind_rows(thread, slot, block);
    const bool races = in_place_ && task_.update && crew_->top.size() > 1;
    TreeTop* top = races && task_.loss == Loss::kHierarchical ? &crew_->top[thread] : nullptr;
    if (top) top->open(task_);
    GroupRunner(task_, block, crew_->scratch[thread], top).run();
    if (top) top->close(task_, int(crew_->top.size()), task_.pull * block.rate);
    if (!task_.part_first || !task_.update) return;
    RoundWords& words = crew_->words[thread];
    block.composed.close(crew_->vectors[in_place_ ? thread : 0].need(0), words, in_place_ ? 0 : slot, task_.dim);
    if (in_place_) words.spread(task_, {&block}, 0, 1, task_.pull * block.rate);
}

float agreement(int blocks, double uses, float pull) {
    const double left = 1.0 / (1.0 + double(pull) * uses / blocks);
    double power = 1.0;
    for (int k = 0; k < blocks; ++k) power *= left;
    return left == 1.0 ? 1.0f : float((1.0 - power) / (blocks * (1.0 - left)));
}

// With p_b the private copies, r the frozen row and f the agreement,  r + f sum (p_b - r) = (1 - f k) r + f sum p_b.
void Word2VecTrainer::merge(int thread, int threads, int64_t round) {
    if (in_place_) return;
    auto mine = [&](int32_t row) { return owner_of(row, threads) == thread; };
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
                if (at.merged == 0) at.factor = agreement(copy.blocks, double(at.uses), pull);
                const float before = at.merged == 0 ? 1.0f - at.factor * float(copy.blocks) : 1.0f;
                table.axpby(row, before, copy.copy, at.factor, task_.dim);
                if (++at.merged == copy.blocks) at = {};
            }
    };
    if (task_.part_first) {
        crew_->words[thread].spread(task_, listed(round), thread, threads, pull);
    } else {
        merge_part(&Block::input, crew_->input, task_.input, merging_input_);
    }
    merge_part(&Block::output, crew_->output, task_.output, merging_output_);
    if (task_.positions && thread == 0) merge_positions(round, pull);
}

// The weights of positions, which every centre word of every block uses.
void Word2VecTrainer::merge_positions(int64_t round, float pull) {
    const int n = slots(round);
    double uses = 0;
    for (int slot = 0; slot < n; ++slot) uses += blocks_of(round)[slot]->centres();
    const float share = agreement(n, uses, pull);
    for (int k = 0; k <= 2 * task_.window; ++k) {
        const size_t row = size_t(k) * task_.stride;
        for (int slot = 0; slot < n; ++slot)
            kernels().axpby(task_.positions + row, slot == 0 ? 1.0f - share * float(n) : 1.0f,
                            blocks_of(round)[slot]->positions + row, share, task_.dim);
    }
}

void Word2VecTrainer::run(int64_t count, int threads) {
    threads = std::min(threads, task_.blocks_per_round);
    if (!crew_ || int(crew_->scratch.size()) != threads) crew_ = std::make_unique<Crew>(task_, threads);
    if (task_.part_first && !in_place_) {  // all threads write into this room: it must not grow while they do
        const int64_t most = int64_t(task_.blocks_per_round) * (task_.block_words + 2 * task_.window);
        crew_->vectors[0].need(size_t(std::min<int64_t>(most, task_.n_words)) * task_.stride);
    }
    if (at_ % rounds_ == 0) sum_ = {};
    std::vector<Tally> tallies(size_t(count) * task_.blocks_per_round);
    auto rounds = [&](auto open) {
        run_rounds(
            threads, at_, count, [&](int64_t round) { return slots(round); },
            [&](int thread, int64_t round, int slot) { prepare(thread, round, slot); }, open,
            [&](int thread, int64_t round, int slot) {
                work(thread, round, slot);
                tallies[size_t(round - at_) * task_.blocks_per_round + slot] = blocks_of(round)[slot]->tally;
            },
            [&](int thread, int64_t round) { merge(thread, threads, round); });
    };
    if (task_.part_first && !in_place_) rounds([&](int thread, int64_t round) { compose(thread, round); });
    else rounds(nullptr);
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
