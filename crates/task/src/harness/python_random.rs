//! Python's `random.Random` with the methods that the harness uses: `sample` for few-shot examples, `choices` for
//! bootstrap resamples. The generator is the Mersenne Twister MT19937 (Matsumoto and Nishimura 1998), whose names and
//! constants are used here. The same seed gives the same numbers as in Python.

/// Words of the state.
const N: usize = 624;
/// Distance of the two state words that make a new one.
const M: usize = 397;

/// A random number generator that draws what Python's `random.Random` draws.
#[derive(Debug, Clone)]
pub struct PythonRandom {
    state: Box<[u32; N]>,
    /// Index of the next state word to give out; `N` if all were.
    next: usize,
}

impl PythonRandom {
    /// `random.Random(seed)`, for seeds from 0 up: seeds the state by MT19937's `init_by_array`.
    pub fn new(seed: u64) -> Self {
        let (low, high) = (seed as u32, (seed >> 32) as u32); // Python seeds with the 32-bit digits, lowest first
        let key: &[u32] = if high == 0 { &[low] } else { &[low, high] };
        let mut state = Box::new([0u32; N]);
        state[0] = 19_650_218;
        for i in 1..N {
            state[i] = mix(state[i - 1], 1_812_433_253).wrapping_add(i as u32);
        }
        let (mut i, mut j) = (1, 0);
        let wrap = |state: &mut [u32; N], i: &mut usize| {
            *i += 1;
            if *i == N {
                state[0] = state[N - 1];
                *i = 1;
            }
        };
        for _ in 0..N.max(key.len()) {
            state[i] = (state[i] ^ mix(state[i - 1], 1_664_525)).wrapping_add(key[j]).wrapping_add(j as u32);
            wrap(&mut state, &mut i);
            j = (j + 1) % key.len();
        }
        for _ in 1..N {
            state[i] = (state[i] ^ mix(state[i - 1], 1_566_083_941)).wrapping_sub(i as u32);
            wrap(&mut state, &mut i);
        }
        state[0] = 0x8000_0000;
        Self { state, next: N }
    }

    /// `getrandbits(32)`.
    fn next_u32(&mut self) -> u32 {
        if self.next == N {
            self.twist();
        }
        let mut y = self.state[self.next];
        self.next += 1;
        y ^= y >> 11;
        y ^= (y << 7) & 0x9d2c_5680;
        y ^= (y << 15) & 0xefc6_0000;
        y ^ (y >> 18)
    }

    /// Makes the next `N` state words.
    fn twist(&mut self) {
        for i in 0..N {
            let y = (self.state[i] & 0x8000_0000) | (self.state[(i + 1) % N] & 0x7fff_ffff);
            let odd = if y & 1 == 1 { 0x9908_b0df } else { 0 };
            self.state[i] = self.state[(i + M) % N] ^ (y >> 1) ^ odd;
        }
        self.next = 0;
    }

    /// `random()`: a number in [0, 1) with 53 random bits.
    fn random(&mut self) -> f64 {
        let (high, low) = (self.next_u32() >> 5, self.next_u32() >> 6);
        (f64::from(high) * 67_108_864.0 + f64::from(low)) / 9_007_199_254_740_992.0
    }

    /// `_randbelow(n)`: a random whole number below `n`, for `n` from 1 up.
    fn below(&mut self, n: u32) -> u32 {
        let shift = n.leading_zeros(); // as many bits as `n` has, drawn again until below it
        loop {
            let drawn = self.next_u32() >> shift;
            if drawn < n {
                return drawn;
            }
        }
    }

    /// `sample(range(n), k)`: `k` different indices below `n`, in the order drawn; `None` if `n` is less than `k`.
    pub(crate) fn sample(&mut self, n: usize, k: usize) -> Option<Vec<usize>> {
        let size = u32::try_from(n).ok().filter(|_| k <= n)?;
        let mut drawn = Vec::with_capacity(k);
        // Python has two algorithms, which draw differently: it uses a list of the remaining indices if that needs less
        // memory than a set of the drawn ones. The estimate of the set's size is Python's.
        let set_size = 21.0 + if k > 5 { 4f64.powf(((k * 3) as f64).log(4.0).ceil()) } else { 0.0 };
        if n as f64 <= set_size {
            let mut pool: Vec<usize> = (0..n).collect();
            for left in (size - k as u32 + 1..=size).rev() {
                let j = self.below(left) as usize;
                drawn.push(pool[j]);
                pool[j] = pool[left as usize - 1];
            }
        } else {
            while drawn.len() < k {
                let j = self.below(size) as usize;
                if !drawn.contains(&j) {
                    drawn.push(j);
                }
            }
        }
        Some(drawn)
    }

    /// One index below `n`, uniformly: an element of `choices(range(n))`.
    pub fn choice(&mut self, n: usize) -> usize {
        (self.random() * n as f64) as usize
    }
}

/// The mixing step of MT19937's seeding.
fn mix(word: u32, factor: u32) -> u32 {
    (word ^ (word >> 30)).wrapping_mul(factor)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Expected numbers from CPython 3.11's `random`.
    #[test]
    fn random_bits_are_pythons() {
        let mut random = PythonRandom::new(0);
        assert_eq!([(); 4].map(|()| random.next_u32()), [3626764237, 1654615998, 3255389356, 3823568514]);
        let mut random = PythonRandom::new(1234);
        assert_eq!([(); 4].map(|()| random.next_u32()), [4150886329, 3342196574, 1892932127, 501869158]);
        let mut random = PythonRandom::new(1099511627783);
        assert_eq!([(); 4].map(|()| random.next_u32()), [2635837658, 3209733218, 3500038837, 4028389051]);
        let mut random = PythonRandom::new(5);
        (0..1000).for_each(|_| {
            random.next_u32();
        });
        assert_eq!(random.next_u32(), 2355429967, "after the first twist");
        let mut random = PythonRandom::new(7);
        assert_eq!([(); 2].map(|()| random.random()), [0.32383276483316237, 0.15084917392450192]);
    }

    /// Expected numbers from CPython 3.11's `random`.
    #[test]
    fn samples_are_pythons() {
        // One generator draws all of them: with both algorithms, and on both sides of the limits between them.
        let mut random = PythonRandom::new(1234);
        assert_eq!(random.sample(10, 3).expect("enough"), [7, 1, 0]);
        assert_eq!(random.sample(21, 5).expect("enough"), [2, 18, 1, 20, 3]);
        assert_eq!(random.sample(22, 5).expect("enough"), [11, 7, 0, 20, 19]);
        assert_eq!(random.sample(1000, 5).expect("enough"), [495, 630, 474, 152, 93]);
        assert_eq!(random.sample(85, 6).expect("enough"), [23, 14, 1, 64, 62, 31]);
        assert_eq!(random.sample(86, 6).expect("enough"), [8, 85, 69, 59, 76, 11]);
        assert_eq!(random.sample(1119, 5).expect("enough"), [1054, 94, 552, 129, 619]);
        assert_eq!(random.sample(12, 12).expect("enough"), [7, 5, 4, 3, 8, 11, 9, 0, 10, 6, 1, 2]);
        assert_eq!(
            random.sample(300, 26).expect("enough"),
            [
                242, 193, 85, 27, 39, 254, 83, 38, 285, 110, 73, 13, 177, 56, 271, 72, 156, 232, 20, 213, 141, 90, 139,
                79, 153, 237
            ]
        );
        assert_eq!(random.sample(3, 0).expect("enough"), Vec::<usize>::new());
        assert_eq!(random.sample(1, 1).expect("enough"), [0]);
        assert_eq!(random.sample(3, 4), None);
        assert_eq!([(); 5].map(|()| random.choice(50)), [28, 38, 24, 29, 23]);
    }
}
