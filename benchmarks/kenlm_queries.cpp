// Scores a text with KenLM's probing model, words turned into ids beforehand; prints n, seconds of the best turn, and the sum.
// g++ -O3 -DNDEBUG -DKENLM_MAX_ORDER=6 -I kenlm kenlm_queries.cpp kenlm/build/lib/libkenlm.a kenlm/build/lib/libkenlm_util.a -lz -lbz2 -llzma
#include <chrono>
#include <fstream>
#include <iostream>
#include <sstream>
#include <string>
#include <vector>

#include "lm/model.hh"

int main(int, char** arguments) {
    using namespace lm::ngram;
    const ProbingModel model(arguments[1]);
    std::vector<std::vector<lm::WordIndex>> sentences;
    std::ifstream text(arguments[2]);
    std::size_t n = 0;
    for (std::string line, word; std::getline(text, line);) {
        std::istringstream words(line);
        auto& sentence = sentences.emplace_back();
        while (words >> word) sentence.push_back(model.GetVocabulary().Index(word));
        sentence.push_back(model.GetVocabulary().EndSentence());
        n += sentence.size();
    }
    double best = 1e9, sum = 0;
    for (int turn = 0; turn < 3; ++turn) {
        sum = 0;
        const auto began = std::chrono::steady_clock::now();
        for (const auto& sentence : sentences) {
            State state = model.BeginSentenceState(), next;
            for (const lm::WordIndex id : sentence) {
                sum += model.FullScore(state, id, next).prob;
                state = next;
            }
        }
        best = std::min(best, std::chrono::duration<double>(std::chrono::steady_clock::now() - began).count());
    }
    std::cout << n << ' ' << best << ' ' << std::fixed << sum << '\n';
}
